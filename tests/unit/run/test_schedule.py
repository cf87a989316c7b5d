"""The schedule: no case is handed out whose peers are taken, none is lost, and scarce peers come first."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

from harness.run.schedule import Schedule

SHARED, OTHER = (SimpleNamespace(name=name, concurrent=True) for name in ("strongswan-6.1", "strongswan-6.0"))
SCARCE = SimpleNamespace(name="openiked-7.4", concurrent=False)


def case(name, *peers):
    return SimpleNamespace(id=name, peers=peers)


def taken(schedule):
    found = schedule.take()
    return None if found is None else found.id


def test_cases_come_in_order_and_those_of_scarce_peers_first():
    schedule = Schedule([case("a", SHARED), case("b", SCARCE), case("c", SHARED)])
    assert [taken(schedule) for _ in range(4)] == ["b", "a", "c", None]


def test_a_scarce_peer_is_left_alone_while_its_copies_are_taken():
    cases = [case(name, SCARCE) for name in "abc"]
    schedule = Schedule([*cases, case("d", SHARED)])
    assert [taken(schedule) for _ in range(3)] == ["a", "b", "d"]
    schedule.done(cases[0])
    assert taken(schedule) == "c"


def test_a_scarce_peer_with_itself_takes_both_copies():
    alone = case("a", SCARCE, SCARCE)
    schedule = Schedule([alone, case("b", SCARCE), case("c", SHARED)])
    assert [taken(schedule), taken(schedule)] == ["a", "c"]
    schedule.done(alone)
    assert taken(schedule) == "b"


def test_two_peers_meet_once_at_a_time_whoever_initiates():
    first, back, other = case("a", SHARED, OTHER), case("b", OTHER, SHARED), case("c", SHARED, SHARED)
    schedule = Schedule([first, back, other])
    assert [taken(schedule), taken(schedule)] == ["a", "c"]
    schedule.done(first)
    assert taken(schedule) == "b"


def test_who_waits_is_woken_by_the_end_of_a_case_and_by_the_end_of_the_run():
    running = case("a", SHARED, OTHER)
    for end, expected in ((lambda schedule: schedule.done(running), "b"), (Schedule.call_off, None)):
        schedule = Schedule([running, case("b", OTHER, SHARED)])
        assert taken(schedule) == "a"
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(taken, schedule)
            assert not waiting.done()
            end(schedule)
            assert waiting.result(timeout=5) == expected


def test_every_case_is_handed_out_once_to_many_threads():
    cases = [case(str(number), SCARCE if number % 3 else SHARED) for number in range(300)]
    schedule, seen, lock = Schedule(cases), [], threading.Lock()

    def work():
        while (found := schedule.take()) is not None:
            with lock:
                seen.append(found.id)
            schedule.done(found)

    with ThreadPoolExecutor(8) as pool:
        for each in [pool.submit(work) for _ in range(8)]:
            each.result(timeout=10)
    assert sorted(seen, key=int) == [each.id for each in cases]
