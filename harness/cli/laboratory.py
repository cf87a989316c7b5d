"""``ipsec-interop lab``: the images and leftovers of the lab."""

from __future__ import annotations

import secrets

import click
import docker

from harness.cli.common import ROOT
from harness.cli.output import err, out
from harness.cli.progress import Bar
from harness.lab.compose import has_service
from harness.lab.docker.cleanup import reap, remove_all_of, remove_images, runs_on_engine
from harness.lab.docker.engine import connect
from harness.lab.docker.ownership import Liveness, this_process
from harness.lab.errors import LabError
from harness.lab.laboratory import Lab
from harness.run.inputs import load_inputs
from harness.scenario.selection import select


@click.group()
def lab() -> None:
    """The lab's images, and what is left of dead runs."""


@lab.command()
@click.argument("peers", nargs=-1)
def up(peers: tuple[str, ...]) -> None:
    """Build the images of PEERS (globs; all by default) and print the command that starts those that are products."""
    known = load_inputs(ROOT).peers
    chosen = [known[name] for name in select(known, peers, "peer")]
    with Bar() as bar, Lab(f"up-{secrets.token_hex(2)}", progress=bar) as laboratory:
        laboratory.prepare(chosen)
    if services := [peer.name for peer in chosen if has_service(peer)]:
        out("docker-compose up " + " ".join(services))


@lab.command()
@click.option("--images", is_flag=True, help="Remove the images, too, unless a run may be in need of them.")
@click.option("--all-machines", is_flag=True, help="Also what other machines' runs have on this engine, dead or alive.")
def down(images: bool, all_machines: bool) -> None:
    """Remove containers and networks that dead runs left behind; those of a living run stay.

    Several machines may use one engine. Whether a run of another machine lives cannot be told from here: what it has
    is shown with its age, and stays unless --all-machines is given.
    """
    client = connect()
    here = this_process()
    out(str(reap(client, here)))
    others = [each for each in runs_on_engine(client, here) if each.standing is Liveness.UNKNOWN]
    for each in others:
        out(f"{'removed' if all_machines else 'left alone'}: {each}")
    if all_machines:
        out(str(remove_all_of(others)))
    elif others:
        err("ipsec-interop lab down --all-machines removes what other machines have here, also what is at work")
    if images:
        _remove_images(client)
    client.close()


def _remove_images(client: docker.DockerClient) -> None:
    """Raises LabError where a run may be in need of them."""
    if runs := runs_on_engine(client, this_process()):
        raise LabError(f"the images stay: {'; '.join(map(str, runs))}")
    out(f"{remove_images(client)} images removed")
