"""``ipsec-interop lab``: the images and leftovers of the lab."""

from __future__ import annotations

import secrets

import click

from harness.cli.common import ROOT
from harness.cli.progress import Bar
from harness.lab.cleanup import reap, remove_images
from harness.lab.docker_runtime import Lab
from harness.lab.engine import connect
from harness.lab.ownership import this_process
from harness.run.inputs import load_inputs
from harness.scenario.selection import select


@click.group()
def lab() -> None:
    """The lab's images, and what is left of dead runs."""


@lab.command()
@click.argument("peers", nargs=-1)
def up(peers: tuple[str, ...]) -> None:
    """Build the images of PEERS (globs; all by default), so that `docker-compose up PEER` can start them."""
    known = load_inputs(ROOT).peers
    chosen = [known[name] for name in select(known, peers, "peer")]
    with Bar() as bar, Lab(f"up-{secrets.token_hex(2)}", progress=bar) as laboratory:
        laboratory.prepare(chosen)
    print("docker-compose up " + " ".join(peer.name for peer in chosen if not peer.emulated))


@lab.command()
@click.option("--images", is_flag=True, help="Remove the images, too.")
def down(images: bool) -> None:
    """Remove containers and networks that dead runs left behind; those of a living run stay."""
    client = connect()
    print(reap(client, this_process()))
    if images:
        print(f"{remove_images(client)} images removed")
    client.close()
