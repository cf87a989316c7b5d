"""A signal ends a run as an exception does; the second is void; none cuts off a request that makes something."""

import os
import signal
import threading

import pytest

from harness.lab import signals as module
from harness.lab.signals import EndingSignals

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
    with made.void():
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
    with signals.void():
        for number in ENDING:
            send(number)
    with pytest.raises(KeyboardInterrupt):
        send(signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_exception_that_is_lost_in_a_destructor_is_raised_again(signals, monkeypatch):
    monkeypatch.setattr(module, "_REPEAT_S", 0.05)

    class Dying:
        def __del__(self):
            send(signal.SIGINT)
            threading.Event().wait(0.001)  # the handler runs here, where nobody catches what it raises

    with pytest.raises(KeyboardInterrupt):
        Dying()
        threading.Event().wait(10)


def test_nothing_is_raised_again_once_the_clean_up_has_begun(signals, monkeypatch):
    monkeypatch.setattr(module, "_REPEAT_S", 0.02)
    with pytest.raises(KeyboardInterrupt):
        send(signal.SIGINT)
    with signals.void():
        threading.Event().wait(0.1)
    threading.Event().wait(0.1)


def test_another_thread_leaves_signals_alone():
    before = [signal.getsignal(number) for number in ENDING]

    def elsewhere():
        made = EndingSignals()
        made.take_over()
        with made.void():
            seen.append([signal.getsignal(number) for number in ENDING])
        made.restore()

    seen = []
    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == [before]
