"""A hand-made run that shows all that a report must be able to show; run as a script, it rewrites the golden files."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.report import diff_report, html, json_report, junit, markdown
from harness.results.diff import diff_runs
from harness.results.judgement import is_expected
from harness.results.model import (
    CAPTURE,
    Attempt,
    CaseRecord,
    CheckResult,
    Finding,
    Grade,
    LadderStep,
    Outcome,
    PeerEntry,
    Pointer,
    Run,
    RunHeader,
    ScenarioEntry,
    Severity,
    Verdict,
)

FOLDER = Path(__file__).parent

A06 = (
    "A06",
    "RFC 9370",
    "2.2.2",
    "MUST",
    "The shared secret of every additional key exchange enters the keys, in order.",
)
M07 = (
    "M07", "draft-ietf-ipsecme-ikev2-mlkem-08", "2.2", "MUST",
    "The responder rejects an encapsulation key that fails the check of FIPS 203 section 7.2, "
    "and should say so with INVALID_SYNTAX.",
)  # fmt: skip
F03 = (
    "F03",
    "RFC 7383",
    "2.5.1",
    "SHOULD",
    "Fragments are sized so that the IP datagrams that carry them are not fragmented in turn.",
)
B04 = (
    "B04",
    "RFC 7296",
    "3.3.6",
    "MUST",
    "A proposal with a transform type that the responder does not know is not acceptable.",
)
B01 = (
    "B01",
    "RFC 7296",
    "1.2",
    "MUST",
    "A wrong guess of the group is answered with INVALID_KE_PAYLOAD that names the right one.",
)

CATALOGUE = (A06, M07, F03, B04, B01)

SCENARIOS = (
    ScenarioEntry("classical/x25519", "X25519 alone", (B01,)),
    ScenarioEntry("hybrid/x25519-mlkem768", "ML-KEM-768 as first additional key exchange after X25519", (A06,)),
    ScenarioEntry("hybrid/mlkem768-or-classical", "Hybrid proposal first, classical proposal second", (A06, B04)),
    ScenarioEntry("pq-only/mlkem512-in-sa-init", "ML-KEM-512 alone in IKE_SA_INIT", (M07,)),
    ScenarioEntry("multiple-ke/bad-encapsulation-key", "An encapsulation key with a coefficient >= q", (M07,)),
    ScenarioEntry("fragmentation/mlkem1024-at-576", "ML-KEM-1024 in fragments for a path of 576 octets", (F03,)),
    ScenarioEntry("negotiation/unknown-transform-type-first", "An unknown transform type first", (B04,)),
    ScenarioEntry("denial-of-service/cookie", "COOKIE demanded before any state is kept", ()),
)  # fmt: skip

CISCO = (
    ("ike.encr", "aes-256-gcm-16", "https://www.example.com/8000/config-guide?chapter=ikev2&release=26.1.1"),
    ("ike.addke1", "ml-kem-768, ml-kem-1024", "https://www.example.com/8000/config-guide?chapter=pqc"),
    ("ike.fragment-size", "1372 octets", 'Third-party guide, "MTU in use", seen 2026-11-21'),
    ("lifetime.ike", "86400 seconds", "assumed"),
)
FORTINET = (
    ("ike.ke", "curve25519, modp3072", "FortiOS 7.6.6 CLI reference"),
    ("esp.encr", "aes-256-gcm-16", "assumed"),
)

PEERS = (
    PeerEntry("strongswan-5.9", "strongSwan 5.9", False, "5.9.8", "sha256:3b0f5c", "userspace"),
    PeerEntry("strongswan-6.0", "strongSwan 6.0", False, "6.0.1", "sha256:9d21aa", "userspace"),
    PeerEntry("strongswan-6.1", "strongSwan 6.1", False, "6.1.0", "sha256:77e0c4", "userspace"),
    PeerEntry("emulated/cisco-8000-26.1.1", "Cisco 8000 26.1.1", True, "configured on strongswan-6.1, 6.1.0",
              "sha256:77e0c4", "userspace", CISCO),
    PeerEntry("emulated/fortinet-fortios-7.6.6", "Fortinet FortiOS 7.6.6", True, "", "", "userspace", FORTINET),
)  # fmt: skip

LADDER = (
    LadderStep(
        ">",
        "IKE_SA_INIT request 0",
        "SA, KE (curve25519), Nonce, N(NAT_DETECTION_*), N(IKEV2_FRAGMENTATION_SUPPORTED)",
        292,
        0.0,
    ),
    LadderStep(
        "<", "IKE_SA_INIT response 0", "SA, KE (curve25519), Nonce, N(INTERMEDIATE_EXCHANGE_SUPPORTED)", 256, 1.84
    ),
    LadderStep(">", "IKE_INTERMEDIATE request 1", "SKF{KE (ml-kem-768)}, 2 fragments of 1248 and 66 octets", 1314, 3.2),
    LadderStep("<", "IKE_INTERMEDIATE response 1", "SK{KE (ml-kem-768)}", 1153, 5.91),
    LadderStep(">", "IKE_AUTH request 2", "SK{IDi, AUTH, SA, TSi, TSr}", 241, 7.4),
    LadderStep("<", "IKE_AUTH response 2", "SK{IDr, AUTH, SA, TSi, TSr}", 209, 12.66),
    LadderStep(">", "ESP 1 to 5", "5 echo requests, decrypted", 640, 20.0),
    LadderStep("<", "ESP 1 to 5", "5 echo replies, decrypted", 640, 1021.5),
)
FILES = (
    "case.json", "scenario.toml", "wire.pcapng", "trace.jsonl", "secrets.json", "verdict.json", "versions.json",
    "engine/configuration.json", "engine/sas.json", "peer/connection/swanctl.conf", "peer/sas.json", "peer/log.txt",
    "wireshark/0/ikev2_decryption_table", "wireshark/1/ikev2_decryption_table", "wireshark/esp_sa",
)  # fmt: skip
CHECKS = (
    CheckResult("negotiated-as-predicted", "B04", True, "aes-256-gcm-16, hmac-sha2-256, curve25519, addke1 ml-kem-768"),
    CheckResult("keys-depend-on-every-exchange", "A06", True, "without SK(1) the IKE_AUTH request does not decrypt"),
    CheckResult("esp-both-ways", "", True, "5 packets out, 5 back, decrypted; the peer counted the same"),
)
TAMPERED = Finding(
    "bad-key-is-refused", "M07", "MUST", "strongswan-6.1",
    "expected the exchange to fail after an encapsulation key whose first coefficient is 3329 <= 4095; "
    "instead the responder encapsulated to it & answered with a ciphertext of 1088 octets, IKE_AUTH succeeded under "
    "the keys that follow from it, and the Child SA carried traffic in both directions "
    "<script>alert('not markup')</script>",
    Pointer.to_frame(7),
)  # fmt: skip
SHOULD = Finding(
    "fragment-sizes", "F03", "SHOULD", "strongswan-6.1",
    "the IP datagram of fragment 2 has 1280 octets on a path of 576", Pointer.to_frame(5), Severity.SHOULD,
)  # fmt: skip
CRASHED = Finding(
    "bad-key-is-refused", "M07", "MUST", "strongswan-6.0",
    "expected INVALID_SYNTAX after the bad key, got no answer at all", Pointer.to_frame(3),
)  # fmt: skip
SILENT = Finding(
    "fragments-reassembled", "F03", "MUST", "strongswan-6.1",
    "expected an answer to the request in fragments 1 | 2 | 3 | 4, got none within 4 s", Pointer("trace.jsonl#12"),
)  # fmt: skip
LOST = Finding("capture-present", "", "", "engine", "wire.pcapng is missing", CAPTURE, Severity.INCONCLUSIVE)

TITLES = {
    "P": Verdict.PASS,
    "F": Verdict.FAIL,
    "U": Verdict.UNSUPPORTED,
    "I": Verdict.INCONCLUSIVE,
    "E": Verdict.ERROR,
    "S": Verdict.SKIPPED,
}


def case(
    scenario: int, peer: int, role: str, verdict: str, outcome: Outcome | None = Outcome.HYBRID, *, reason: str = "",
    findings: tuple[Finding, ...] = (), grade: Grade = Grade.A, known: str = "", second: str = "",
) -> CaseRecord:  # fmt: skip
    name = f"{SCENARIOS[scenario].id}@{PEERS[peer].name}@{role}"
    folder = "" if outcome is None else "cases/" + name.replace("/", "__")
    steps = LADDER if outcome in (Outcome.HYBRID, Outcome.PQ_ONLY) else LADDER[:2]
    milliseconds = 0 if outcome is None else 1021 + 17 * scenario + peer

    def attempt(letter: str, number: int) -> Attempt:
        kind = TITLES[letter]
        path = f"{folder}/{number}" if folder else ""
        present = folder and kind is not Verdict.INCONCLUSIVE
        return Attempt(
            kind, outcome, grade if kind in (Verdict.PASS, Verdict.FAIL) else None,
            findings if kind is verdict_of or number == 1 else (),
            CHECKS if kind is Verdict.PASS else CHECKS[:1] if folder else (),
            reason, milliseconds, path, steps if present else (), FILES if present else FILES[:2] if folder else (),
        )  # fmt: skip

    verdict_of = TITLES[verdict]
    attempts = (attempt(verdict, 1), *((attempt(second, 2),) if second else ()))
    expected = is_expected(verdict_of, known_failure=bool(known))
    return CaseRecord(name, SCENARIOS[scenario].id, PEERS[peer].name, role, attempts, expected, known)


def cases() -> list[CaseRecord]:
    classical, refused, broken = Outcome.CLASSICAL, Outcome.REFUSED, Outcome.BROKEN
    old = "multiple key exchanges (RFC 9370) are not in this release; it answered NO_PROPOSAL_CHOSEN"
    build = "this build has no ML-KEM; it answered NO_PROPOSAL_CHOSEN"
    link = "its own plugin checks the length alone, https://example.com/issues/42"
    records = [case(0, peer, role, "P", classical) for peer in range(5) for role in ("initiator", "responder")]
    for role in ("initiator", "responder"):
        records += [
            case(1, 0, role, "U", refused, reason=old),
            case(1, 1, role, "U", refused, reason=build),
            case(1, 2, role, "P"),
            case(1, 3, role, "P", grade=Grade.B),
            case(2, 0, role, "P", classical),
            case(2, 1, role, "P", classical),
            case(2, 2, role, "P"),
            case(2, 3, role, "P"),
            case(3, 2, role, "P", Outcome.PQ_ONLY),
            case(6, 0, role, "P", refused, known="should fail by the list, " + link),
            case(7, 2, role, "P", classical),
        ]
    records += [
        case(3, 0, "responder", "S", None, reason="strongswan-5.9 would have to initiate with a method that it lacks"),
        case(4, 2, "initiator", "F", findings=(TAMPERED, SHOULD), second="F"),
        case(4, 1, "initiator", "F", broken, findings=(CRASHED,), known=link),
        case(5, 2, "initiator", "P", findings=(SHOULD,)),
        case(5, 2, "responder", "F", broken, findings=(SILENT,), second="P"),
        case(
            5,
            3,
            "initiator",
            "I",
            reason="the capture is missing, so nothing on the wire can be judged",
            findings=(LOST,),
        ),
        case(6, 1, "initiator", "E", broken, reason="the container of strongswan-6.0 left with status 137 in mid-case"),
        case(
            6,
            4,
            "initiator",
            "E",
            None,
            reason="image ipsec-interop/strongswan-6.1 could not be built: apt-get: exit status 100",
        ),
    ]
    order = [scenario.id for scenario in SCENARIOS]
    return sorted(
        records, key=lambda record: (order.index(record.scenario), [p.name for p in PEERS].index(record.peer))
    )


def sample_run() -> Run:
    records = tuple(cases())
    header = RunHeader(
        id="2026-11-22T10-15-30Z-5eed",
        started="2026-11-22T10:15:30Z",
        harness_version="0.1.0",
        seed=24301,
        suite="smoke",
        plan_hash="9f2c1e0d4b7a6f58c3e2d1b0a9f8e7d6c5b4a3928170f6e5d4c3b2a190817263",
        kernel="Linux 6.18.3 x86_64",
        versions={"python": "3.11.7", "cryptography": "50.0.1", "openssl": "4.0.0", "docker": "20.10.24"},
        command="ipsec-interop run --suite smoke --scenario 'hybrid/*' --scenario '*' --seed 24301",
        peers=PEERS,
        scenarios=SCENARIOS,
        planned=tuple(record.case for record in records),
        requirements=CATALOGUE,
    )  # fmt: skip
    notes = ("the host's kernel has no ESP: peers use their own in user space",)
    return Run(header, records, duration_ms=48_730, notes=notes)


def earlier_run() -> Run:
    from dataclasses import replace

    run = sample_run()
    records = [case(5, 2, "responder", "P"), case(4, 1, "initiator", "P"), case(5, 3, "initiator", "P", grade=Grade.B)]
    records += [
        case(6, 1, "initiator", "E", None, reason="Docker is not running"),
        case(7, 0, "initiator", "P", Outcome.CLASSICAL),
    ]
    records += [case(1, 2, "initiator", "F", Outcome.BROKEN, findings=(TAMPERED,))]
    changed = {record.case: record for record in records}
    kept = [
        changed.pop(record.case, record)
        for record in run.cases
        if record.case != "denial-of-service/cookie@strongswan-6.1@responder"
    ]
    header = replace(
        run.header, id="2026-11-01T09-00-00Z-5eed", kernel="Linux 6.17.1 x86_64", versions={"python": "3.11.7"}
    )
    return replace(run, header=header, cases=(*kept, *changed.values()))


PAIRS = (
    ScenarioEntry("pairs/classical", "Two products, X25519", (B01,)),
    ScenarioEntry("pairs/as-published", "Two peers, each with its own published policy", (B04,), published=True),
)
DEFAULTS = (("ike.ke", "ECP-256, X25519", "https://www.example.com/source/proposal.c"),)


def pair(scenario: int, initiator: str, responder: str, verdict: str, outcome: Outcome | None) -> CaseRecord:
    name = f"{PAIRS[scenario].id}@{initiator}+{responder}@pair"
    folder = "" if outcome is None else "cases/" + name.replace("/", "__")
    kind = TITLES[verdict]
    reason = {"U": "no IKE proposal in common: ADDKE1", "S": "a responder only"}.get(verdict, "")
    grade = Grade.B if kind in (Verdict.PASS, Verdict.FAIL) else None
    attempt = Attempt(kind, outcome, grade, (), (), reason, 400 if folder else 0, folder, LADDER[:2] if folder else ())
    ends = {"initiator": initiator, "responder": responder}
    return CaseRecord(name, PAIRS[scenario].id, f"{initiator}+{responder}", "pair", (attempt,), True, **ends)


def pairs_run() -> Run:
    """Two products in one scenario of products alone, and the same two and a vendor as published."""
    from dataclasses import replace

    run = sample_run()
    old, new, vendor = (PEERS[number].name for number in (0, 2, 3))
    records = [pair(0, one, other, "P", Outcome.CLASSICAL) for one in (old, new) for other in (old, new)]
    records += [pair(1, one, other, "P", Outcome.CLASSICAL) for one in (old, new) for other in (old, new)]
    records += [pair(1, one, vendor, "U", Outcome.REFUSED) for one in (old, new)]
    records += [pair(1, vendor, old, "S", None), pair(1, vendor, vendor, "P", Outcome.HYBRID)]
    peers = (replace(PEERS[0], published=DEFAULTS), replace(PEERS[2], published=DEFAULTS), PEERS[3])
    header = replace(run.header, peers=peers, scenarios=PAIRS, planned=tuple(record.case for record in records))
    return replace(run, header=header, cases=tuple(records))


RENDERED = {
    "matrix.html": html.render,
    "matrix.md": markdown.render,
    "matrix.json": json_report.render,
    "junit.xml": junit.render,
}


def rendered() -> dict[str, str]:
    """Every golden file by its name, as today's code writes it."""
    files = {name: render(sample_run()) for name, render in RENDERED.items()}
    files["pairs.html"] = html.render_pairs(pairs_run())
    files["published.html"] = html.render_published(pairs_run())
    files["diff.md"] = diff_report.render(diff_runs(earlier_run(), sample_run()))
    return files


if __name__ == "__main__":
    for name, content in rendered().items():
        (FOLDER / name).write_text(content, encoding="utf-8")
    sys.path.insert(0, str(FOLDER.parents[1] / "support"))
    from run_files import write_run

    (FOLDER / "run.jsonl").unlink(missing_ok=True)
    write_run(FOLDER / "run.jsonl", sample_run())
    sys.stdout.write(f"rewrote {len(rendered()) + 1} files\n")
