"""Who the two say they are, against what they were told to say (RFC 7296 sections 2.15 and 3.5)."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from harness.registry.identities import IdentificationType
from harness.registry.messages import ExchangeType
from harness.results.model import Pointer, Severity
from harness.verify.check import Arguments, Checked, Due, Objection, engine_check
from harness.verify.checks.authentication import auth_fits
from harness.verify.view import View
from harness.verify.wire import SeenMessage, of
from harness.wire.payloads import IdentificationInitiator, IdentificationResponder

_FACTS = Pointer("case.json")
_Identity = IdentificationInitiator | IdentificationResponder
_ADDRESSES = (IdentificationType.ID_IPV4_ADDR, IdentificationType.ID_IPV6_ADDR)


@engine_check("identity-as-configured", due=Due.ALWAYS, requirement="B44")
def identity_as_configured(view: View, _arguments: Arguments) -> Checked:
    """IDi and IDr are the names that the two sides were told to authenticate with, of type FQDN (B44).

    Our engine takes no other name. Where it took one that is not on record, or asked for another one itself, the record
    is in doubt and nobody is blamed. So it is where our own engine says another name than the record has for it. A name
    whose AUTH is wrong is nobody's: that is another check's finding.
    """
    objections: list[Objection] = []
    told = []
    for initiator in (True, False):
        side = view.sides[0 if initiator else 1]
        for message, identity in _said(view, initiator=initiator) if side.identity else ():
            if _is(identity, side.identity):
                told.append(f"{side.peer} is {side.identity}")
                continue
            words = f"{message.label}: {identity.type.name} is {_words(identity)}"
            ours = side.peer == "engine"
            if not ours and not auth_fits(view, initiator=initiator):
                continue
            if ours or _taken(view, side.identity):
                sentence = f"{words}; case.json has {side.identity} for {side.peer}, and one of our records is wrong"
                objections.append(Objection("", sentence, _FACTS, None, Severity.INCONCLUSIVE))
            else:
                sentence = f"{words}; {side.peer} was told to be {side.identity}, of type ID_FQDN"
                objections.append(Objection(side.peer, sentence, message.pointer))
    objections += _said_early(view)
    return Checked("; ".join(dict.fromkeys(told)) or "no identity is on record and on the wire", tuple(objections))


def _said_early(view: View) -> Iterable[Objection]:
    """IDi and IDr of IKE_INTERMEDIATE, which are to be those of the IKE_AUTH request (RFC 9593 section 3.1)."""
    later = next((m for m in view.find(ExchangeType.IKE_AUTH, response=False, initiator=True) if m.opened), None)
    if later is None:
        return
    for message in view.find(ExchangeType.IKE_INTERMEDIATE, response=False, initiator=True):
        for kind in (IdentificationInitiator, IdentificationResponder):
            early, late = ([(each.id_type, each.data) for each in of(m, kind)] for m in (message, later))
            if early and early != late:
                sentence = f"{message.label}: {of(message, kind)[0].type.name} is not the one of {later.label}"
                yield Objection(view.sender(message), sentence, message.pointer, "S05")


def _said(view: View, *, initiator: bool) -> Iterable[tuple[SeenMessage, _Identity]]:
    """What one side says of itself in IKE_AUTH; what an initiator says of the responder is a wish (section 3.5)."""
    kind: type[_Identity] = IdentificationInitiator if initiator else IdentificationResponder
    for message in view.find(ExchangeType.IKE_AUTH, response=not initiator, initiator=initiator):
        for identity in of(message, kind):
            yield message, identity


def _is(identity: _Identity, name: str) -> bool:
    return (identity.id_type, identity.data) == (IdentificationType.ID_FQDN, name.encode())


def _taken(view: View, recorded: str) -> bool:
    """Whether our engine was told another name of the peer than the record has: it took one, or asked for one."""
    if view.report.established:
        return True
    requests = view.find(ExchangeType.IKE_AUTH, response=False, initiator=True)
    asked = [wish for m in requests if view.sender(m) == "engine" for wish in of(m, IdentificationResponder)]
    return any(not _is(wish, recorded) for wish in asked)


def _words(identity: _Identity) -> str:
    if identity.id_type in _ADDRESSES and len(identity.data) in (4, 16):
        name = str(ip_address(identity.data))
    elif identity.data.isascii() and identity.data.decode().isprintable():
        name = identity.data.decode() or "empty"
    else:
        name = f"0x{identity.data.hex()}"
    return f"{name} of type {identity.id_type}"
