"""Which lines of a shared daemon's log belong to a case."""

from harness.lab.products.strongswan.case_log import lines_of_case

LOG = """\
2026-11-21T09:30:11.127 22[CFG] added vici connection: case-1
2026-11-21T09:30:11.127 22[CFG] added vici connection: case-12
2026-11-21T09:30:11.131 25[NET] <1> received packet: from 172.18.128.1[500] to 172.18.0.3[500] (248 bytes)
2026-11-21T09:30:11.131 25[ENC] <1> parsed IKE_SA_INIT request 0 [ SA KE No ]
2026-11-21T09:30:11.132 26[NET] <2> received packet: from 172.18.128.12[500] to 172.18.0.3[500] (248 bytes)
2026-11-21T09:30:11.133 26[IKE] <2> received proposals unacceptable
2026-11-21T09:30:11.139 28[CFG] <case-1|1> selected peer config 'case-1'
2026-11-21T09:30:11.140 28[IKE] <case-7|3> something of 172.18.128.1[500]
2026-11-21T09:30:12.000 23[CFG] removed vici connection: case-1
"""


def test_lines_before_and_after_the_connection_is_known_and_no_neighbours():
    assert [line[11:] for line in lines_of_case(LOG, "case-1", "172.18.128.1").splitlines()] == [
        "09:30:11.127 22[CFG] added vici connection: case-1",
        "09:30:11.131 25[NET] <1> received packet: from 172.18.128.1[500] to 172.18.0.3[500] (248 bytes)",
        "09:30:11.131 25[ENC] <1> parsed IKE_SA_INIT request 0 [ SA KE No ]",
        "09:30:11.139 28[CFG] <case-1|1> selected peer config 'case-1'",
        "09:30:12.000 23[CFG] removed vici connection: case-1",
    ]


def test_a_refusal_before_any_connection_is_chosen_is_found_by_the_address():
    chosen = lines_of_case(LOG, "case-12", "172.18.128.12")
    assert "received proposals unacceptable" in chosen
    assert "<1>" not in chosen


def test_a_case_that_the_log_does_not_know_has_no_lines():
    assert lines_of_case(LOG, "case-99", "172.18.128.99") == ""
