"""The pipeline thread's one way in: bounded, in order, from any thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from itertools import pairwise
from threading import Event, Thread, get_ident
from typing import Self

import pytest

from edge_agent.errors import Busy, EdgeAgentError, StoreError
from edge_agent.ingest.inbox import Inbox, Order
from edge_agent.ports import Connected, Published


def published(inbox: Inbox, count: int) -> None:
    for number in range(count):
        inbox.put(Published(number))


class Pipeline:
    """Drains an inbox on a thread of its own, as the pipeline does, and carries orders out."""

    def __init__(self, inbox: Inbox) -> None:
        self.taken: list[object] = []
        self._inbox = inbox
        self._over = Event()
        self._thread = Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._inbox.order(self._over.set)
        self._thread.join(10)

    @property
    def ident(self) -> int | None:
        return self._thread.ident

    def _run(self) -> None:
        while not self._over.is_set():
            for item in self._inbox.drain(256, 0.25):
                if isinstance(item, Order):
                    item.carry_out()
                else:
                    self.taken.append(item)


def test_items_come_out_in_the_order_in_which_they_came() -> None:
    inbox = Inbox()
    published(inbox, 10)
    assert inbox.drain(256, 0.0) == [Published(number) for number in range(10)]


def test_no_more_come_out_at_once_than_asked_for() -> None:
    inbox = Inbox()
    published(inbox, 10)
    assert [len(inbox.drain(4, 0.0)) for _ in range(4)] == [4, 4, 2, 0]


def test_it_is_full_at_its_bound_and_not_before() -> None:
    inbox = Inbox(most=3)
    published(inbox, 2)
    fullness = [inbox.full]
    published(inbox, 1)
    fullness.append(inbox.full)
    inbox.drain(1, 0.0)
    fullness.append(inbox.full)
    assert fullness == [False, True, False]


def test_a_full_one_still_takes_events() -> None:
    inbox = Inbox(most=1)
    published(inbox, 1)
    inbox.put(Connected(1, session_present=True))
    assert inbox.waiting == 2


def test_what_comes_while_it_is_waited_for_comes_out_at_once() -> None:
    inbox = Inbox()
    drained: list[object] = []
    waiting = Thread(target=lambda: drained.extend(inbox.drain(256, 30.0)))
    waiting.start()
    inbox.put(Published(1))
    waiting.join(10)
    assert drained == [Published(1)]


def test_an_order_is_carried_out_on_the_pipelines_thread_and_its_result_handed_back() -> None:
    inbox = Inbox()
    with Pipeline(inbox) as pipeline:
        assert inbox.order(get_ident) == pipeline.ident
        assert inbox.order(lambda: None) is None


@pytest.mark.parametrize("error", [StoreError("full"), Busy("busy"), EdgeAgentError("any")])
def test_what_an_order_raises_of_ours_is_raised_to_who_ordered_and_the_pipeline_goes_on(
    error: EdgeAgentError,
) -> None:
    def fail() -> None:
        raise error

    inbox = Inbox()
    with Pipeline(inbox):
        with pytest.raises(type(error)) as raised:
            inbox.order(fail)
        assert raised.value is error
        assert inbox.order(lambda: 7) == 7


def test_an_order_that_fails_otherwise_is_a_fault_of_ours_and_ends_the_pipeline() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    done: Future[object] = Future()
    with pytest.raises(ZeroDivisionError):
        Order(fail, done).carry_out()


def test_an_order_that_nobody_takes_times_out_as_busy_and_is_then_not_carried_out() -> None:
    inbox, carried_out = Inbox(), Event()
    with pytest.raises(Busy, match="try again"):
        inbox.order(carried_out.set)
    (order,) = inbox.drain(256, 0.0)
    assert isinstance(order, Order)
    order.carry_out()
    assert not carried_out.is_set()


def test_many_threads_put_and_order_and_nothing_is_lost_or_out_of_order() -> None:
    inbox = Inbox()
    results: list[int] = []

    def work(first: int) -> None:
        for number in range(first, first + 500):
            inbox.put(Published(number))
        results.append(inbox.order(_returning(first)))

    with Pipeline(inbox) as pipeline:
        threads = [Thread(target=work, args=(1_000 * number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    numbers = [item.packet_id for item in pipeline.taken if isinstance(item, Published)]
    assert sorted(results) == [1_000 * number for number in range(8)]
    assert len(set(numbers)) == 8 * 500
    for number in range(8):
        own = [each for each in numbers if each // 1_000 == number]
        assert all(before < after for before, after in pairwise(own))


def _returning(value: int) -> Callable[[], int]:
    return lambda: value


def test_waiting_for_room_ends_once_there_is_room() -> None:
    inbox = Inbox(most=10)
    published(inbox, 10)
    drainer = Thread(target=lambda: inbox.drain(6, 0.0))
    drainer.start()
    assert inbox.wait_until_below(0.5, 30.0, Event())
    drainer.join()


def test_waiting_for_room_ends_after_its_time_and_says_that_there_is_none() -> None:
    inbox = Inbox(most=10)
    published(inbox, 10)
    assert not inbox.wait_until_below(0.5, 0.05, Event())


def test_waiting_for_room_ends_with_the_program() -> None:
    inbox, stopping = Inbox(most=10), Event()
    published(inbox, 10)
    stopping.set()
    assert inbox.wait_until_below(0.5, 30.0, stopping)
