"""Containers have names of their own, and a lab that closes waits for those that start and begins no more."""

import threading

import pytest

from harness.lab.docker.starts import ContainerStarts
from harness.lab.errors import LabError


def test_each_start_has_a_name_of_its_own_that_the_engine_takes():
    starts = ContainerStarts("7")
    names = []
    for what in ("tester", "acme 1.0", "acme 1.0"):
        with starts.start_of(what) as name:
            names.append(name)
    assert names == ["ipsec-interop-7-tester-1", "ipsec-interop-7-acme-1.0-1", "ipsec-interop-7-acme-1.0-2"]


def test_no_start_begins_after_the_end():
    starts = ContainerStarts("7")
    starts.end()
    with pytest.raises(LabError, match="the lab is closed"), starts.start_of("tester"):
        pass
    assert starts.wait_for_the_last(0)


def test_a_start_under_way_is_waited_for_also_if_it_fails():
    starts = ContainerStarts("7")
    begun, go_on = threading.Event(), threading.Event()

    def start():
        with pytest.raises(LabError, match="no such image"), starts.start_of("acme-1.0"):
            begun.set()
            go_on.wait(10)
            raise LabError("no such image")

    thread = threading.Thread(target=start)
    thread.start()
    assert begun.wait(10)
    starts.end()
    assert not starts.wait_for_the_last(0.01)
    go_on.set()
    assert starts.wait_for_the_last(10)
    thread.join()
