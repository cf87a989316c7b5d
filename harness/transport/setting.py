"""The engine's configuration for a job."""

from __future__ import annotations

from harness.ike.configuration import Configuration, Identity, Path
from harness.ike.selectors import network_selector
from harness.policy.role import Role
from harness.registry.identities import IdentificationType
from harness.scenario.model import Mode
from harness.transport.endpoint import IKE_PORT
from harness.transport.job import Job


def configuration(job: Job) -> Configuration:
    """One end of the case as the job describes it: FQDN identities, one host at each side of the Child SA."""
    return Configuration(
        initiator=job.role is Role.INITIATOR,
        path=Path((job.address, IKE_PORT), (job.peer_address, IKE_PORT)),
        ike=job.policy.ike,
        esp=job.policy.esp,
        local_identity=Identity(IdentificationType.ID_FQDN, job.identity.encode()),
        remote_identity=Identity(IdentificationType.ID_FQDN, job.peer_identity.encode()),
        psk=job.psk,
        local_selectors=(network_selector(f"{job.inner_address}/32"),),
        remote_selectors=(network_selector(f"{job.peer_inner_address}/32"),),
        transport_mode=job.mode is Mode.TRANSPORT,
        announce_intermediate=job.announce_intermediate,
        fragment_octets=job.fragment_octets,
        require_cookie=job.require_cookie,
        deviation=job.deviation,
    )
