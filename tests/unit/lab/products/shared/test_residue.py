"""What a kernel holds of one case, among what it holds of others."""

import os
import subprocess
from pathlib import Path

from harness.lab.products.shared import residue

STATES = """\
src 192.0.2.1 dst 192.0.2.7
	proto esp spi 0x00000abc reqid 3 mode tunnel
	replay-window 0 flag af-unspec
	aead rfc4106(gcm(aes)) 0x00 128
	sel src 0.0.0.0/0 dst 0.0.0.0/0
src 192.0.2.8 dst 192.0.2.1
	proto esp spi 0xc9fa0416 reqid 4 mode tunnel
	aead rfc4106(gcm(aes)) 0x00 128
"""
POLICIES = """\
src 10.99.0.1/32 dst 10.100.0.7/32
	dir out priority 1757393 ptype main
	tmpl src 192.0.2.1 dst 192.0.2.7
		proto esp reqid 3 mode tunnel
src 10.100.0.8/32 dst 10.99.0.1/32
	dir fwd priority 1757393 ptype main
	tmpl src 192.0.2.8 dst 192.0.2.1
		proto esp reqid 4 mode tunnel
src 0.0.0.0/0 dst 0.0.0.0/0
	socket in priority 0 ptype main
"""
MEMORY = """\
Name:	sh
VmRSS:	    1004 kB
Name:	iked
VmRSS:	   18012 kB
Name:	kthreadd
Name:	iked
VmRSS:	       4 kB
"""
MINE, NOBODYS = ("192.0.2.7", "10.100.0.7"), ("192.0.2.77", "10.100.0.77")
OUTPUT = f"{STATES}{POLICIES}====\n{MEMORY}"


def test_only_what_has_one_of_the_addresses_is_of_the_case():
    found = residue.parse(OUTPUT, ["ESTABLISHED"], MINE, "iked")
    assert found.ike_sas == ("ESTABLISHED",)
    assert found.esp_sas == ("spi 00000abc, 192.0.2.1 to 192.0.2.7",)
    assert found.policies == ("out, 10.99.0.1/32 to 10.100.0.7/32",)
    assert not found.clean
    other = residue.parse(OUTPUT, [], NOBODYS, "pluto")
    assert (other.esp_sas, other.policies) == ((), ())
    assert other.clean


def test_a_policy_is_found_by_its_selector_and_by_its_template_alone():
    by_selector = residue.parse(OUTPUT, [], ("10.100.0.8",), "iked")
    by_template = residue.parse(OUTPUT, [], ("192.0.2.8",), "iked")
    assert by_selector.policies == by_template.policies == ("fwd, 10.100.0.8/32 to 10.99.0.1/32",)
    assert residue.parse(OUTPUT, [], ("0.0.0.0",), "iked").policies == ("in, 0.0.0.0/0 to 0.0.0.0/0",)


def test_the_memory_is_that_of_all_processes_of_the_daemon():
    assert residue.parse(OUTPUT, [], MINE, "iked").resident_octets == 18016 * 1024
    assert residue.parse("====\n", [], MINE, "iked").resident_octets is None


def test_the_memory_of_a_process_that_is_no_containers_first_is_not_taken():
    assert residue.resident_octets_of(None) is None
    assert residue.resident_octets_of(2**30) is None
    if os.getpid() != 1:
        assert residue.resident_octets_of(os.getpid()) is None


def printed(folder: Path, **programs: str) -> str:
    """What the script prints where programs are these one-line scripts."""
    for name, text in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    script = ["/bin/sh", "-c", residue.COMMAND]
    return subprocess.run(script, env=environment, capture_output=True, text=True, check=True).stdout


def test_an_answer_that_is_cut_short_tells_nothing_of_the_kernel():
    for cut in ("", STATES, f"{STATES}{POLICIES}", f"Cannot send dump request: Operation not permitted\n{MEMORY}"):
        found = residue.parse(cut, [], MINE, "iked")
        assert (found.esp_sas, found.policies, found.resident_octets) == (None, None, None)
        assert found.unknown.startswith("the kernel did not answer to the end: ")
        assert not found.clean
    assert "not permitted" in residue.parse("Operation not permitted\n", [], MINE, "iked").unknown
    empty = residue.parse("====\n", [], MINE, "iked")
    assert empty.clean and empty.esp_sas == ()


def test_the_script_prints_both_parts_and_ends_well_whatever_becomes_of_a_process(tmp_path):
    assert printed(tmp_path, ip="echo $*", grep="exit 2") == "xfrm state\nxfrm policy\n====\n"


def test_the_script_leaves_the_mark_out_where_the_kernel_does_not_answer(tmp_path):
    assert printed(tmp_path, ip="exit 1", grep="echo Name: iked") == "Name: iked\n"
    assert printed(tmp_path, ip="echo $*; test $2 = state", grep=":") == "xfrm state\nxfrm policy\n"
