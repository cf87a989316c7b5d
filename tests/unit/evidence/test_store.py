from __future__ import annotations

import gzip
import json
import os
import stat
from dataclasses import replace

import pytest
from case_builder import facts_of, good

from harness.border.names import UnsafeName
from harness.evidence.capture import UnreadableCapture
from harness.evidence.peer_report import PeerReport
from harness.evidence.store import EvidenceFolder, UnreadableEvidence, folder_name
from harness.evidence.wireshark import tables_of
from harness.policy.role import Role

GCM = {"ENCR": "aes-256-gcm-16"}


@pytest.fixture
def folder(lab) -> EvidenceFolder:
    return lab.record(GCM | lab.hybrid, GCM | {"SN": "no-esn"})


def test_slashes_are_written_as_two_underscores():
    assert folder_name("hybrid/x@emulated/cisco@initiator") == "hybrid__x@emulated__cisco@initiator"


def test_what_was_written_is_read(lab, tmp_path):
    conversation = lab.converse(GCM | lab.hybrid, GCM | {"SN": "no-esn"})
    folder = EvidenceFolder(tmp_path / "e")
    folder.write_facts(lab.facts)
    folder.write_conversation(conversation, tables_of(conversation, lab.facts))
    report = PeerReport("6.1.0", (), "{}")
    folder.write_peer_report(report, after=False)
    read = folder.evidence()
    assert folder.facts() == lab.facts
    assert (read.secrets, read.trace, read.report) == (conversation.secrets, conversation.trace, conversation.report)
    assert (read.peer_report, read.peer_report_after) == (report, None)
    assert read.ikev2_tables is not None and len(read.ikev2_tables) == len(conversation.secrets.generations) == 2
    assert read.wire is not None and len(read.wire.datagrams) == len(conversation.frames)
    assert (read.peer, read.role) == ("strongswan-6.1", "initiator")


def test_only_whole_files_are_left(folder):
    names = sorted(str(path.relative_to(folder.path)) for path in folder.path.rglob("*") if path.is_file())
    assert names == [
        "case.json",
        "engine/datagrams.jsonl",
        "engine/sas.json",
        "secrets.json",
        "trace.jsonl",
        "wire.pcapng",
        "wireshark/0/ikev2_decryption_table",
        "wireshark/1/ikev2_decryption_table",
        "wireshark/esp_sa",
    ]


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("wire.pcapng", "wire"),
        ("secrets.json", "secrets"),
        ("trace.jsonl", "trace"),
        ("engine/sas.json", "report"),
        ("wireshark/0/ikev2_decryption_table", "ikev2_tables"),
        ("wireshark/esp_sa", "esp_table"),
    ],
)
def test_a_missing_file_is_none(folder, name, attribute):
    assert getattr(folder.evidence(), attribute) is not None
    (folder.path / name).unlink()
    assert getattr(folder.evidence(), attribute) is None


@pytest.mark.parametrize("name", ["case.json", "secrets.json", "trace.jsonl", "engine/sas.json"])
@pytest.mark.parametrize("content", ["{", "[]", '{"surprise": 1}'])
def test_a_malformed_file_is_named(folder, name, content):
    (folder.path / name).write_text(content)
    with pytest.raises(UnreadableEvidence, match=name.replace(".", r"\.")):
        folder.evidence()


def test_a_malformed_capture_is_named(folder):
    (folder.path / "wire.pcapng").write_bytes(b"no")
    with pytest.raises(UnreadableCapture, match=r"wire\.pcapng"):
        folder.evidence()


def test_without_its_facts_nothing_can_be_judged(folder):
    (folder.path / "case.json").unlink()
    with pytest.raises(UnreadableEvidence, match=r"case\.json: missing"):
        folder.evidence()


def test_a_value_of_the_wrong_type_is_named_with_its_field(folder):
    path = folder.path / "secrets.json"
    secrets = json.loads(path.read_text())
    secrets["generations"][1]["sk_d"] = 7
    path.write_text(json.dumps(secrets))
    with pytest.raises(UnreadableEvidence, match=r"secrets\.json: .*generations\[1\]\.sk_d"):
        folder.evidence()


def test_secrets_do_not_print(folder):
    secrets = folder.evidence().secrets
    assert secrets is not None
    for octets in (secrets.psk, secrets.generations[0].sk_d, secrets.children[0].initiator_encryption):
        assert octets.hex() not in repr(secrets)
        assert repr(octets) not in repr(secrets)


NO_TEXT = ["secrets.json", "trace.jsonl", "wireshark/esp_sa", "wireshark/1/ikev2_decryption_table"]


@pytest.mark.parametrize("name", NO_TEXT)
def test_a_file_that_is_no_text_is_named(folder, name):
    (folder.path / name).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnreadableEvidence, match=name.replace(".", r"\.")):
        folder.evidence()


def test_a_case_of_a_scenario_comes_back_as_it_was_judged(tmp_path):
    """The whole way over the disk: the judgement of what is read is the one of what was seen."""
    for role in Role:
        case = good("fragmentation/mlkem1024-at-576", role=role)
        written = EvidenceFolder(tmp_path / role.value)
        written.write_facts(facts_of(case))
        written.write_conversation(case.conversation, tables_of(case.conversation, facts_of(case)))
        assert case.evidence.peer_report is not None and case.evidence.peer_report_after is not None
        written.write_peer_report(case.evidence.peer_report, after=False)
        written.write_peer_report(case.evidence.peer_report_after, after=True)
        read = replace(case, evidence=written.evidence())
        assert read.evidence == case.evidence
        assert read.judge() == case.judge()


def test_a_record_from_before_drops_were_counted_is_read(folder):
    path = folder.path / "engine/sas.json"
    record = json.loads(path.read_text())
    assert record.pop("capture_drops") == 0
    path.write_text(json.dumps(record))
    report = folder.evidence().report
    assert report is not None and report.capture_drops == 0


ABSOLUTE = "<the folder>/outside"
OUTWARD = ("../x", "../../peer/sas.json", ABSOLUTE, "a\\..\\b", "nul\0", "x" * 300, "\ud800.conf", "a/../../b")


@pytest.mark.parametrize("name", OUTWARD, ids=ascii)
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    if name == ABSOLUTE:  # should the test ever fail, it is no file of the system that is written
        name = str(tmp_path / "outside")
    store = EvidenceFolder(tmp_path / "run" / "case")
    for write in (
        lambda: store.write_text(name, "x"),
        lambda: store.write_foreign_files("peer/connection", {name: "x"}),
    ):
        with pytest.raises(UnsafeName):
            write()
    with pytest.raises(UnreadableEvidence):
        store.read(name, PeerReport)
    assert not list(tmp_path.rglob("*"))


def test_what_a_peer_names_cannot_take_the_place_of_our_own_evidence(tmp_path):
    store = EvidenceFolder(tmp_path)
    store.write_peer_report(PeerReport("6.1.0", (), "{}"), after=False)
    store.write_foreign_files("peer/connection", {"sas.json": "forged", "log.txt": "forged", "a/b.conf": "fine"})
    report = store.read("peer/sas.json", PeerReport)
    assert report is not None and report.version == "6.1.0"
    assert (tmp_path / "peer/connection/a/b.conf").read_text() == "fine"


@pytest.mark.parametrize(
    "names", [("a", "a.txt"), ("A.conf", "a.conf"), ("a.conf", "a.conf/b"), ("a/b", "A.txt", "a/b.txt")]
)
def test_two_files_of_a_peer_that_would_have_one_place_are_refused(tmp_path, names):
    with pytest.raises(UnsafeName, match="another file"):
        EvidenceFolder(tmp_path).write_foreign_files("peer/connection", dict.fromkeys(names, "x"))
    assert not list(tmp_path.iterdir())


def test_a_page_with_a_script_is_kept_as_text(tmp_path):
    EvidenceFolder(tmp_path).write_foreign_files("peer/connection", {"index.html": "<script>alert(1)</script>"})
    assert [path.name for path in (tmp_path / "peer/connection").iterdir()] == ["index.html.txt"]


def test_evidence_is_for_its_owner_alone(folder):
    for path in folder.path.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.parametrize("name", ["secrets.json", "wire.pcapng", "case.json", "engine/sas.json"])
def test_a_link_in_stored_evidence_does_not_lead_to_another_file(folder, name, tmp_path):
    path = folder.path / name
    (tmp_path / "elsewhere").write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnreadableEvidence, match="leads out"):
        folder.evidence()


def test_stored_evidence_that_is_no_file_is_not_waited_for(folder):
    for name, error in (("secrets.json", UnreadableEvidence), ("wire.pcapng", UnreadableCapture)):
        kept = (folder.path / name).read_bytes()
        (folder.path / name).unlink()
        os.mkfifo(folder.path / name)
        with pytest.raises(error, match="not a plain file"):
            folder.evidence()
        (folder.path / name).unlink()
        (folder.path / name).write_bytes(kept)


def test_a_compressed_capture_is_not_unpacked(folder):
    path = folder.path / "wire.pcapng"
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(UnreadableCapture, match="no capture"):
        folder.evidence()


def test_more_shared_secrets_than_an_ike_sa_has_are_refused(folder):
    """Else every message is tried with as many generations of keys as a hostile file names."""
    path = folder.path / "secrets.json"
    value = json.loads(path.read_text())
    value["shared_secrets"] = [{"method": 36, "secret": "00"}] * 9
    path.write_text(json.dumps(value))
    with pytest.raises(UnreadableEvidence, match=r"secrets\.json: .*9 shared secrets; an IKE SA has 8 at most"):
        folder.secrets()
