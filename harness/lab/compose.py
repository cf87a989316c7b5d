"""docker-compose.yml, generated from peers/: for a person, the peers that cases meet, each with a sample connection.

``python -m harness.lab.compose`` writes the files; a test compares them with what would be written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath

from harness.lab.docker.images import peer_context
from harness.lab.docker.network import OPTIONS
from harness.lab.driver import Connection, PreSharedKey
from harness.lab.drivers import driver_family
from harness.lab.hosts import own_kernel
from harness.lab.laboratory import project_root
from harness.lab.running_peer import CAPABILITIES
from harness.policy.proposals import PartyPolicy, ProposalPolicy
from harness.policy.role import Role
from harness.registry.algorithms import algorithm
from harness.registry.transforms import TransformType
from harness.scenario.peer import Peer
from harness.scenario.peer_file import load_peers

COMPOSE_FILE = "docker-compose.yml"

SAMPLE_KEY = b"sample key for the lab, not a secret"
SAMPLE_INNER = "10.99.0.1"
SAMPLE_REMOTE_INNER = "10.98.0.1"

# A peer that needs kernel ESP runs on a kernel of its own here, whatever the host's has.
_BOOT = f"""\
    entrypoint: [{", ".join(f'"{word}"' for word in own_kernel.ENTRYPOINT)}]
    tmpfs: [{", ".join(f'"{path}:{options}"' for path, options in own_kernel.MEMORY.items())}]
"""

_HEADER = """\
# Generated from peers/ by `python -m harness.lab.compose`; a test compares. Do not edit.
#
# `docker-compose up PEER` starts the peer that a case meets, in an internal network (no way out), with a sample
# connection, which is in the files of its volumes. It stands on a base image that `ipsec-interop lab up` (or any run)
# has made. Above each peer stands the command that shows its connections, where it has one. A peer with kernel ESP runs
# on a kernel of its own inside its container, and a command reaches it there by way of `guest`.
services:
"""

_OPTIONS = "".join(f'      {name}: "{value}"\n' for name, value in OPTIONS.items())

_NETWORK = f"""\
networks:
  lab:
    driver: bridge
    internal: true
    driver_opts:
{_OPTIONS}"""


def has_service(peer: Peer) -> bool:
    """Whether docker-compose.yml has a service of the peer's name: every product has one."""
    return not (peer.emulated or peer.is_harness)


def generated_files(root: Path) -> dict[str, str]:
    """Every generated file by its path below ``root``."""
    peers = [peer for peer in load_peers(root / "peers").values() if has_service(peer)]
    files = {COMPOSE_FILE: compose_text(root, peers)}
    for peer in peers:
        folder = _sample_folder(root, peer)
        files.update({f"{folder}/{PurePath(path).name}": text for path, text in sample_files(peer).items()})
    return files


def sample_files(peer: Peer) -> dict[str, str]:
    """The daemon's configuration with the sample connection in it, by absolute path in the container."""
    return dict(driver_family(peer.driver).sample_files(peer, sample_connection(peer)))


def compose_text(root: Path, peers: Iterable[Peer]) -> str:
    """docker-compose.yml with one service for each peer; read by docker-compose 1.29 and by compose v2."""
    return _HEADER + "".join(_service(root, peer) for peer in peers) + _NETWORK


def sample_connection(peer: Peer) -> Connection:
    """A connection that answers anybody who knows the sample key: hybrid first where the build can, then classical."""
    return Connection(
        name="sample",
        role=Role.RESPONDER,
        local_address="%any",
        remote_address="%any",
        local_identity=f"{peer.name}.lab",
        remote_identity="%any",
        authentication=PreSharedKey(SAMPLE_KEY),
        policy=_sample_policy(peer),
        local_inner=SAMPLE_INNER,
        remote_inner=SAMPLE_REMOTE_INNER,
    )


def _sample_policy(peer: Peer) -> PartyPolicy:
    kinds = TransformType
    classical = {
        kinds.ENCR: (algorithm(kinds.ENCR, "aes-256-gcm-16"),),
        kinds.PRF: (algorithm(kinds.PRF, "hmac-sha2-256"),),
        kinds.KE: (algorithm(kinds.KE, "curve25519"),),
    }
    proposals = [ProposalPolicy(classical)]
    ml_kem = algorithm(kinds.KE, "ml-kem-768")
    if peer.capabilities.additional_key_exchange and ml_kem in peer.capabilities.ike[kinds.KE]:
        proposals.insert(0, ProposalPolicy({**classical, kinds.ADDKE1: (ml_kem,)}))
    esp = {kinds.ENCR: classical[kinds.ENCR], kinds.SN: (algorithm(kinds.SN, "no-esn"),)}
    if not set(classical[kinds.ENCR]) <= peer.capabilities.esp[kinds.ENCR]:
        esp[kinds.ENCR] = (algorithm(kinds.ENCR, "aes-256-cbc"),)
        esp[kinds.INTEG] = (algorithm(kinds.INTEG, "hmac-sha2-512-256"),)
    return PartyPolicy(tuple(proposals), (ProposalPolicy(esp),))


def _service(root: Path, peer: Peer) -> str:
    context = peer_context(peer)
    folder = _sample_folder(root, peer)
    mounts = {f"./{folder}/{PurePath(path).name}": path for path in sample_files(peer)}
    capabilities, boot = CAPABILITIES, ""
    if peer.esp_implementation == "kernel":
        capabilities, boot = own_kernel.CAPABILITIES, _BOOT
        mounts[f"./{(root / 'peers' / own_kernel.OWN_KERNEL_FOLDER).relative_to(root)}"] = own_kernel.HOME
    volumes = "".join(f"      - {source}:{target}:ro\n" for source, target in mounts.items())
    return f"""\
{_show(peer)}  {peer.name}:
    image: {context.tag}
    build:
      context: ./{peer.folder.relative_to(root)}
      args:
{_mapping(context.arguments, 8)}{boot}    environment:
      INNER_ADDRESS: {SAMPLE_INNER}
    cap_drop: [ALL]
    cap_add: [{", ".join(capabilities)}]
    security_opt: ["no-new-privileges:true"]
    devices: ["/dev/net/tun:/dev/net/tun"]
    volumes:
{volumes}    networks: [lab]
"""


def _show(peer: Peer) -> str:
    """How a person sees the connections of a running peer, as a comment."""
    command = driver_family(peer.driver).show_command
    reach = f"sh {own_kernel.HOME}/guest " if peer.esp_implementation == "kernel" else ""
    return f"  # docker-compose exec {peer.name} {reach}{command}\n" if command else ""


def _mapping(values: Mapping[str, str], indent: int) -> str:
    return "".join(f'{" " * indent}{key}: "{value}"\n' for key, value in values.items())


def _sample_folder(root: Path, peer: Peer) -> str:
    return str(peer.folder.relative_to(root) / "sample" / peer.name)


def write(root: Path) -> None:
    """Write every generated file."""
    for path, text in generated_files(root).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


if __name__ == "__main__":
    write(project_root())
