"""What drivers run where their daemon runs."""

import subprocess
from types import SimpleNamespace

import pytest

from harness.lab.errors import PeerUnreachable, WrongAnswer
from harness.lab.hosts.commands import answers, output_of, shell


def container(status, output, *, runs=True):
    return SimpleNamespace(name="lab-acme-1", run=lambda _command: (status, output), is_running=lambda: runs)


@pytest.mark.parametrize("value", ["$(echo worse)", "`echo worse`", "'; echo worse; '", '"', "a  b\n", "-n", "*"])
def test_no_value_is_ever_interpreted(value):
    done = subprocess.run(shell('printf "<%s>" "$2" "$1"', value, "other"), capture_output=True, check=True, text=True)
    assert done.stdout == f"<other><{value}>"


def test_a_program_that_fails_is_an_error_that_says_what_it_was_for():
    assert output_of(container(0, "text\n"), "status", ["acme"]) == "text\n"
    with pytest.raises(PeerUnreachable, match=r"^lab-acme-1: secrets of case-7: no such file$"):
        output_of(container(2, "no such file\n"), "secrets of case-7", ["acme"])
    with pytest.raises(PeerUnreachable, match=r"^lab-acme-1: secrets of case-7: status 2$"):
        output_of(container(2, ""), "secrets of case-7", ["acme"])


def test_a_daemon_answers_where_its_container_runs_and_its_answer_is_one():
    def wrong():
        raise WrongAnswer("no JSON")

    assert answers(container(0, ""), lambda: "1.0")
    assert not answers(container(0, ""), wrong)
    assert not answers(container(0, "", runs=False), lambda: "1.0")
