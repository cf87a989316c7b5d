"""After a case the product is asked until nothing is left, for a moment; the answer becomes evidence."""

from types import SimpleNamespace

import pytest

from harness.evidence.peer_report import Hygiene, Residue
from harness.evidence.store import EvidenceFolder, UnreadableEvidence
from harness.run import hygiene
from harness.run.hygiene import note_hygiene

CLEAN, DIRTY = Residue((), (), (), 4096), Residue(("ESTABLISHED",), (), ())
HALF = SimpleNamespace(name="case-7")


class Driver:
    """Answers one after the other, the last one for ever."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), 0

    def residue(self, connection):
        assert connection is HALF
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def note(tmp_path, monkeypatch):
    monkeypatch.setattr(hygiene, "_SETTLE_S", 0.05)
    monkeypatch.setattr(hygiene, "_LOOK_AGAIN_S", 0.01)
    store = EvidenceFolder(tmp_path)

    def take(driver, log="", emulated=False):
        running = SimpleNamespace(driver=driver, peer=SimpleNamespace(emulated=emulated))
        return note_hygiene(store, "peer", running, HALF, log), store.hygiene("peer")

    return take


def test_a_clean_product_is_asked_once(note):
    driver = Driver(CLEAN)
    assert note(driver) == (True, Hygiene(CLEAN))
    assert driver.asked == 1


def test_a_product_gets_a_moment_to_clean_up(note):
    driver = Driver(DIRTY, DIRTY, CLEAN)
    assert note(driver) == (True, Hygiene(CLEAN))
    assert driver.asked == 3


def test_an_answer_that_was_cut_short_is_asked_for_again(note):
    unknown = Residue((), unknown="the kernel did not answer to the end: ''")
    assert note(Driver(unknown, CLEAN)) == (True, Hygiene(CLEAN))
    assert note(Driver(unknown)) == (True, Hygiene(unknown))


def test_what_stays_is_written_down(note):
    assert note(Driver(DIRTY)) == (True, Hygiene(DIRTY))


def test_faults_of_the_log_are_kept(note):
    _, noted = note(Driver(CLEAN), "hello\nEXPECTATION FAILED: x\n")
    assert noted.faults == ("EXPECTATION FAILED: x",)


def test_an_emulated_vendor_is_not_asked_and_neither_is_who_cannot_tell(note):
    driver = Driver(DIRTY)
    assert note(driver, emulated=True) == (False, None)
    assert driver.asked == 0
    assert note(Driver(None)) == (False, None)


def test_evidence_that_is_no_hygiene_is_unreadable(note, tmp_path):
    note(Driver(CLEAN))
    (tmp_path / "peer" / "hygiene.json").write_text('{"residue": 7}')
    with pytest.raises(UnreadableEvidence, match=r"hygiene\.json"):
        EvidenceFolder(tmp_path).hygiene("peer")
