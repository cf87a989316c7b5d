"""A signal ends a run as an exception does; the second is void; none cuts off a request that makes something."""

import os
import signal
import threading

import pytest

from harness.lab.signals import EndingSignals, uninterrupted

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def send(number):
    os.kill(os.getpid(), number)


@pytest.fixture
def signals():
    before = [signal.getsignal(number) for number in ENDING]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    made = EndingSignals()
    made.take_over()
    yield made
    made.restore()
    for number, handler in zip(ENDING, before, strict=True):
        signal.signal(number, handler)


def test_ctrl_c_is_an_interrupt_and_the_second_is_void(signals):
    with pytest.raises(KeyboardInterrupt):
        send(signal.SIGINT)
    for number in ENDING:
        send(number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_termination_exits_with_the_status_of_its_signal(signals, number):
    with pytest.raises(SystemExit) as caught:
        send(number)
    assert caught.value.code == 128 + number


def test_afterwards_signals_do_what_they_did_before(signals):
    signals.restore()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    made = EndingSignals()
    made.take_over()
    try:
        send(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        made.restore()
        signal.signal(signal.SIGHUP, before)


def test_a_signal_is_held_back_until_what_is_being_made_is_there(signals):
    made = []
    with pytest.raises(KeyboardInterrupt), signals.held_back():
        send(signal.SIGINT)
        send(signal.SIGTERM)
        made.append("network")
    assert made == ["network"]


def test_nothing_is_held_back_that_did_not_come(signals):
    with signals.held_back():
        pass
    with pytest.raises(KeyboardInterrupt):
        send(signal.SIGINT)


def test_a_clean_up_is_not_interrupted_and_later_signals_are(signals):
    with uninterrupted():
        for number in ENDING:
            send(number)
    with pytest.raises(KeyboardInterrupt):
        send(signal.SIGINT)


def test_another_thread_leaves_signals_alone():
    before = [signal.getsignal(number) for number in ENDING]

    def elsewhere():
        made = EndingSignals()
        made.take_over()
        with uninterrupted():
            seen.append([signal.getsignal(number) for number in ENDING])
        made.restore()

    seen = []
    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == [before]
