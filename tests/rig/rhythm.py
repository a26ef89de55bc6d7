"""Things that go on beside a test: chargers that speak regularly, a client that keeps asking."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import httpx

from tests.rig.agent import Agent

ONE = {"charger_id": "CHG_777", "metrics": {"connector_status": "AVAILABLE", "temperature": 30.0}}


@contextmanager
def again_and_again(every_s: float, act: Callable[[], object]) -> Iterator[None]:
    """Have something done in a steady rhythm for as long as the block lasts. What it raises is raised."""
    over, failures = Event(), list[BaseException]()

    def body() -> None:
        due = time.monotonic()
        while not over.wait(max(due - time.monotonic(), 0.0)):
            due += every_s
            try:
                act()
            except BaseException as error:  # noqa: BLE001 - told to the test's own thread
                failures.append(error)
                return

    thread = Thread(target=body)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if failures:
        raise failures[0]


@contextmanager
def asked_all_along(agent: Agent, role: str = "viewer") -> Iterator[list[float]]:
    """Ask the agent without a pause, and fail where one answer is no answer. Yields how long each took."""
    took: list[float] = []
    with agent.client(role) as client:

        def ask() -> None:
            began = time.monotonic()
            for answer in (
                client.get("/health"),
                client.get("/api/v1/health"),
                client.post("/api/v1/predictions/failure", json=ONE),
            ):
                assert answer.status_code == httpx.codes.OK, answer.text
            took.append(time.monotonic() - began)

        with again_and_again(0.05, ask):
            yield took
    assert took
