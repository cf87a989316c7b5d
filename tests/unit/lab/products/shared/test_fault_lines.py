"""Lines in which a product tells of a fault of its own, and those that only sound like one."""

import pytest

from harness.lab.products.shared.fault_lines import fault_lines
from harness.lab.products.strongswan.case_log import lines_of_case

FAULTS = [
    "==12==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010",
    "ike.c:12:3: runtime error: left shift of negative value -1",
    "double free or corruption (out)",
    "00[DMN] thread 12 received 11",
    "12[LIB] 3 leaks detected, 0 suppressed by whitelist",
    "Nov 21 15:35:55.02: ASSERTION FAILED: st != NULL (in f() at state.c:12)",
    "Nov 21 15:35:55.02: EXPECTATION FAILED: st != NULL (in f() at state.c:12)",
    "Nov 21 15:35:55.02: leak: 2 * struct connection, item size: 40",
    "lost child: pid 12 terminated; signal 11",
    "Kernel panic - not syncing: Attempted to kill init!",
]
HARMLESS = [
    "12[LIB] No leaks detected, 0 suppressed by whitelist",
    "leak detective found no leaks",
    "01[NET] received packet: from 192.0.2.1[500]",
    "05[IKE] received NO_PROPOSAL_CHOSEN notify error",
    "expectation: none",
]


@pytest.mark.parametrize("line", FAULTS)
def test_a_fault(line):
    assert fault_lines(f"before\n  {line}\nafter\n") == (line,)


@pytest.mark.parametrize("line", HARMLESS)
def test_no_fault(line):
    assert fault_lines(line) == ()


def test_a_fault_of_the_daemon_is_in_the_log_of_every_case_and_one_within_an_sa_in_that_of_its_own():
    of_all = "2026-11-21T09:13:22.499 00[DMN] thread 12 received 11"
    of_another = "2026-11-21T09:13:22.499 12[DMN] <case-8|9> thread 12 received 11"
    log = f"2026-11-21T09:13:22.499 12[IKE] <case-7|7> hello\n{of_another}\n{of_all}\n"
    assert lines_of_case(log, "case-7", "192.0.2.7").splitlines()[1:] == [of_all]
    assert of_another in lines_of_case(log, "case-8", "192.0.2.8")
