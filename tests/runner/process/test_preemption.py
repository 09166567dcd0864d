"""Which signals a run hears, and which stay what whoever started it has made of them."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator

import pytest

from runner.process.impatience import ended_by_impatience
from runner.process.preemption import SIGNALS, UNLESS_TAKEN, Preemption, listen

HEARD = (*SIGNALS, *UNLESS_TAKEN)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in HEARD}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", HEARD, ids=lambda number: number.name)
def test_a_signal_waits_for_the_end_of_a_step_and_interrupts_what_is_no_step(number: signal.Signals) -> None:
    with listen() as outer, listen() as preemption:  # as exec and the trainer do
        with preemption.during_steps():
            send(number)
            assert (preemption.requested, outer.requested) == (True, False)
        with pytest.raises(KeyboardInterrupt):
            preemption.check()
    assert signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)
    with listen(), pytest.raises(KeyboardInterrupt):
        send(number)


@pytest.mark.parametrize("number", UNLESS_TAKEN, ids=lambda number: number.name)
def test_a_signal_that_is_ignored_at_the_start_stays_ignored(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_IGN)  # as nohup does with SIGHUP
    with listen(until_exit=True) as preemption:
        send(number)
        assert not preemption.requested
    assert signal.getsignal(number) is signal.SIG_IGN


@pytest.mark.parametrize("number", [signal.SIGALRM, signal.SIGUSR2])
def test_a_signal_that_a_program_listens_to_stays_with_it(number: signal.Signals) -> None:
    heard: list[int] = []
    signal.signal(number, lambda number, frame: heard.append(number))
    with listen() as preemption:
        send(number)
    assert (heard, preemption.requested) == ([number], False)


def in_a_thread(function: Callable[[], None]) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def test_a_thread_beside_the_main_one_leaves_signals_alone() -> None:
    before, heard = {number: signal.getsignal(number) for number in HEARD}, list[Preemption]()

    def listens() -> None:
        with listen(until_exit=True) as preemption, ended_by_impatience(preemption), preemption.during_steps():
            assert {number: signal.getsignal(number) for number in HEARD} == before
            heard.append(preemption)

    in_a_thread(listens)
    assert [preemption.requested for preemption in heard] == [False]


class Ends:
    """Asks this process to end when it is collected."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)


def by_gc() -> None:
    def ask(*_: object) -> None:
        gc.callbacks.remove(ask)
        os.kill(os.getpid(), signal.SIGINT)

    gc.callbacks.append(ask)
    gc.collect()


def by_weak_reference() -> None:
    reference = weakref.ref(threading.Event(), lambda _: os.kill(os.getpid(), signal.SIGINT))
    assert reference() is None


def by_deletion() -> None:
    assert Ends()


@pytest.mark.parametrize("dropped", [by_gc, by_weak_reference, by_deletion])
def test_an_interrupt_that_a_callback_drops_comes_again(dropped: Callable[[], None]) -> None:
    before = sys.unraisablehook
    with listen() as preemption, pytest.raises(KeyboardInterrupt):
        dropped()
        assert preemption.requested  # and nothing was raised
        time.sleep(10)
    assert not preemption.impatient
    assert sys.unraisablehook is before
