"""With the recorded sheets of the products a prediction is made once more, whatever case.json says of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from case_builder import ROOT
from made_up import able, ike, scenario

from harness.json_codec import RecordError
from harness.oracle.expectation import from_record, to_record
from harness.oracle.prediction import expect
from harness.oracle.sheet import difference, predicted_again, sheet_record
from harness.policy.role import Role
from harness.registry.algorithms import Algorithm
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.results.model import Outcome
from harness.run.inputs import load_inputs
from harness.run.plan import Selection, make_plan
from harness.scenario.model import Parties
from harness.scenario.peer import Peer

INPUTS = load_inputs(ROOT)


@pytest.fixture(scope="module")
def planned():
    """Every case of the full suite that is sent."""
    return [case for case in make_plan(INPUTS, Selection(suite="full")) if not case.expectation.skipped]


def sheets_of(case):
    """As a file keeps them."""
    sides = (("initiator", case.initiator), ("responder", case.responder))
    return json.loads(json.dumps({role: sheet_record(side) for role, side in sides if isinstance(side, Peer)}))


def test_the_recorded_sheets_give_the_very_prediction(planned):
    assert planned
    for case in planned:
        assert predicted_again(case.scenario, case.engine, sheets_of(case)) == case.expectation, case.id


def recorded(case, **changes):
    return from_record(to_record(replace(case.expectation, **changes), case.engine), case.engine)


def changes_of(case):
    """Each makes another verdict of the same evidence."""
    prediction = case.expectation
    yield {"outcome": Outcome.BROKEN if prediction.outcome is not Outcome.BROKEN else Outcome.HYBRID}
    yield {"unsupported": "" if prediction.unsupported else "it lacks a method"}
    yield {"esp": prediction.esp[1:]} if prediction.esp else {"ike": prediction.ike[1:]} if prediction.ike else {}
    if case.engine is not None:
        yield {"echo": not prediction.echo}
        other = NotifyType.INVALID_SYNTAX, NotifyType.NO_PROPOSAL_CHOSEN
        yield {"refusal": other[prediction.refusal is NotifyType.INVALID_SYNTAX]}


@pytest.mark.parametrize("every", [5])
def test_each_field_is_confirmed(planned, every):
    for case in planned[::every]:
        again = predicted_again(case.scenario, case.engine, sheets_of(case))
        assert difference(recorded(case), again) == ""
        for change in filter(None, changes_of(case)):
            assert difference(recorded(case, **change), again), (case.id, change)


def test_who_knows_the_additional_types_is_read_from_no_prediction(planned):
    case = next(case for case in planned if not case.expectation.knows_additional and case.engine is not None)
    record = to_record(case.expectation, case.engine) | {"knows_additional": False}
    assert from_record(record, case.engine).knows_additional
    assert not predicted_again(case.scenario, case.engine, sheets_of(case)).knows_additional


def test_a_sheet_that_is_none(planned):
    case = next(case for case in planned if case.engine is not None)
    (role,) = sheets_of(case)
    whole = sheets_of(case)[role]
    spoilt = ({}, {role: None}, {role: {}}, {role: whole | {"can": {}}}, {role: whole | {"ike": {"x": 1}}})
    for sheets in spoilt:
        with pytest.raises(RecordError):
            predicted_again(case.scenario, case.engine, sheets)


def test_a_sheet_is_written_in_one_order():
    """By identifier, then by key length, one without a length first."""
    kinds = TransformType.ENCR, TransformType.PRF
    mixed = [
        Algorithm(20, 256),
        Algorithm(12, 256),
        Algorithm(12, 128),
        Algorithm(28),
        Algorithm(12),
        Algorithm(12, 192),
    ]
    peer = next(iter(INPUTS.peers.values()))
    for order in (mixed, mixed[::-1]):
        told = replace(peer.capabilities, ike={kind: tuple(order) for kind in kinds})
        record = sheet_record(replace(peer, capabilities=told))["ike"]
        for kind in kinds:
            algorithms = [(each["identifier"], each["key_length"]) for each in record[str(int(kind))]]
            assert algorithms == [(12, None), (12, 128), (12, 192), (12, 256), (20, 256), (28, None)]


PRODUCT, VENDOR = INPUTS.peers["strongswan-6.1"], INPUTS.peers["emulated/cisco-8000-26.1.1"]


@pytest.mark.parametrize("parties", [Parties.PRODUCTS, Parties.PUBLISHED])
@pytest.mark.parametrize(("one", "other"), [(PRODUCT, VENDOR), (VENDOR, PRODUCT), (PRODUCT, PRODUCT)])
def test_a_sheet_holds_all_that_is_predicted_of_a_party(parties, one, other):
    case = scenario(ike({"ke": "ecp384", "addke1": "ml-kem-1024"}, "curve25519"), parties=parties)
    variants = (
        one, replace(one, published=None, profile=None), replace(one, title="Another"),
        able(one, roles=(Role.RESPONDER,), role_reason=""), able(one, additional_key_exchange=False),
        able(one, ike={**one.capabilities.ike, TransformType.KE: frozenset()}), able(one, esp={}),
    )  # fmt: skip
    for each in variants:
        sheets = json.loads(json.dumps({"initiator": sheet_record(each), "responder": sheet_record(other)}))
        again, due = predicted_again(case, None, sheets), expect(case, each, other)
        assert replace(again, skipped="") == replace(due, skipped="")
