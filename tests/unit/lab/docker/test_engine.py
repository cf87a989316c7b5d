"""An engine that falls silent: no call waits longer than its deadline, and once it is lost none waits at all."""

from __future__ import annotations

import json
import socketserver
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from harness.lab.docker import engine
from harness.lab.docker.build_context import BuildContext
from harness.lab.docker.engine import connect, engine_of
from harness.lab.docker.images import ImageBuilder
from harness.lab.errors import DockerUnavailable, EngineTooSlow, ImageBuildFailed, LabError

ANSWERS = {
    "/version": {"ApiVersion": "1.41", "Version": "20.10"},
    "/_ping": "OK",
    "/info": {"KernelVersion": "6.18"},
    "/images/json": [],
}


@pytest.mark.parametrize(
    ("address", "comm", "name", "own"),
    [
        ("unix://{}", "dockerd", "here", True),
        ("unix://{}", "systemd", "here", True),
        ("unix://{}", "ssh", "here", False),
        ("unix://{}", "dockerd", "there", False),
        ("unix://{}.gone", "dockerd", "here", False),
        ("tcp://127.0.0.1:2375", "dockerd", "here", False),
        ("ssh://here", "dockerd", "here", False),
    ],
)
def test_an_engine_is_this_machines_own_where_it_holds_its_socket(monkeypatch, tmp_path, address, comm, name, own):
    """A process with the name of a program listens: that is all that is asked of it."""
    path = tmp_path / "docker.sock"
    script = (
        "import pathlib, socket, sys; pathlib.Path('/proc/self/comm').write_text(sys.argv[2]);"
        "s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); print('up', flush=True); sys.stdin.read()"
    )
    monkeypatch.setenv("DOCKER_HOST", address.format(path))
    monkeypatch.setattr("platform.node", lambda: "here")
    with subprocess.Popen(
        [sys.executable, "-c", script, path, comm], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == b"up\n"
        assert engine.runs_here(name) is own
        process.communicate()


class Handler(BaseHTTPRequestHandler):
    """Answers as Docker's engine does, but for what is frozen."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self):
        path = self.path.partition("?")[0].removeprefix("/v1.41")
        if self.frozen(path):
            return
        known = path in ANSWERS
        answer = ANSWERS.get(path, {"message": "no such thing"})
        body = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        self.rfile.read(length)
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        line = b'{"stream": "Step 1/2 : FROM x"}\n'
        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.wfile.flush()
        self.frozen("/build")

    def frozen(self, path):
        if "all" in self.server.frozen or path in self.server.frozen:
            self.server.thaw.wait(30)
            self.close_connection = True
            return True
        return False

    def address_string(self):
        return "here"

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 50

    def __init__(self, path):
        self.frozen, self.thaw = set(), threading.Event()
        super().__init__(str(path), Handler)


@pytest.fixture
def server(tmp_path, monkeypatch):
    with Server(tmp_path / "docker.sock") as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
        monkeypatch.setattr(engine, "LIFE_S", 1)
        monkeypatch.setattr(engine, "WORK_S", 1)
        yield server
        server.thaw.set()
        server.shutdown()


@pytest.fixture
def client(server):
    client = connect(1)
    yield client
    client.close()


def seconds(call):
    began = time.monotonic()
    with pytest.raises(LabError) as caught:
        call()
    return time.monotonic() - began, caught.value


def test_an_engine_that_answers_is_asked_as_ever(client):
    assert client.info()["KernelVersion"] == "6.18"
    assert client.images.list() == []


def test_an_engine_that_falls_silent_is_named_and_not_waited_for_again(client, server, tmp_path):
    server.frozen.add("all")
    took, error = seconds(client.info)
    assert isinstance(error, DockerUnavailable)
    assert str(error) == f"Docker's engine at unix://{tmp_path}/docker.sock does not answer any more"
    assert took < 6
    for call in (client.info, client.containers.list, client.ping, client.close):
        if call == client.close:
            call()
            continue
        took, error = seconds(call)
        assert isinstance(error, DockerUnavailable)
        assert took < 0.2


def test_all_who_wait_at_the_time_are_told_together(client, server):
    server.frozen.add("all")
    began = time.monotonic()
    threads = [threading.Thread(target=seconds, args=(client.info,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert time.monotonic() - began < 8


def test_a_call_that_is_late_while_the_engine_lives_is_that_calls_alone(client, server):
    server.frozen.add("/info")
    took, error = seconds(client.info)
    assert isinstance(error, EngineTooSlow)
    assert "GET /v1.41/info: ReadTimeout, though it lives" in str(error)
    assert took < 6
    assert client.images.list() == []


def test_an_engine_that_is_gone_is_told(client, server, tmp_path):
    Path(f"{tmp_path}/docker.sock").unlink()
    server.frozen.add("all")
    _, error = seconds(client.info)
    assert isinstance(error, DockerUnavailable)


def test_a_build_that_says_nothing_any_more_is_given_up(client, server):
    server.frozen.add("/build")
    context = BuildContext("x", {"Dockerfile": (b"FROM x\n", 0o644)})
    took, error = seconds(lambda: ImageBuilder(client)._docker_build(context))
    assert isinstance(error, (EngineTooSlow, ImageBuildFailed))
    assert "the build of ipsec-interop/x:" in str(error)
    assert took < 8


def test_it_is_the_engine_that_a_client_is_made_with(client):
    assert engine_of(client).where.startswith("unix://")
