"""A thread that ends by itself ends the process; what is asked to end does, last started first."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from threading import Event

import pytest

from edge_agent.supervisor import PATIENCE_S, Supervisor, Task
from tests.rig.waiting import DEADLINE_S


def waiting_task(name: str, log: list[str] | None = None) -> Task:
    over = Event()

    def stop() -> None:
        if log is not None:
            log.append(name)
        over.set()

    return Task(name, lambda: over.wait(30), stop)


def nothing() -> None:
    pass


def fail() -> None:
    raise RuntimeError("a bug")


def leave() -> None:
    raise SystemExit(3)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("body", [nothing, fail, leave])
def test_a_task_that_ends_or_raises_ends_the_wait_and_is_named(body: Callable[[], None]) -> None:
    supervisor = Supervisor([waiting_task("good"), Task("bad", body, nothing)])
    supervisor.start()
    assert supervisor.wait(10)
    assert supervisor.failed == "bad"
    supervisor.stop()


def test_while_all_run_the_wait_goes_on() -> None:
    supervisor = Supervisor([waiting_task("good")])
    supervisor.start()
    assert not supervisor.wait(0.0)
    supervisor.stop()
    assert supervisor.failed is None


SIGNALLED = """
import random, signal
from edge_agent.supervisor import Supervisor
for _ in range(20_000):
    supervisor = Supervisor([])
    signal.signal(signal.SIGALRM, lambda *_: supervisor.end())
    signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 2e-4))
    while not supervisor.wait(2e-5):
        pass
"""


def test_a_signal_at_any_moment_of_the_wait_ends_it() -> None:
    subprocess.run([sys.executable, "-c", SIGNALLED], check=True, timeout=DEADLINE_S)


def test_an_end_that_was_asked_for_is_no_failure() -> None:
    supervisor = Supervisor([waiting_task("good")])
    supervisor.start()
    supervisor.end()
    assert supervisor.wait(0.0)
    supervisor.stop()
    assert supervisor.failed is None


def test_tasks_stop_in_the_reverse_order_of_their_start_also_one_that_was_added() -> None:
    log: list[str] = []
    supervisor = Supervisor([waiting_task("broker", log), waiting_task("pipeline", log)])
    supervisor.add(waiting_task("simulator", log))
    supervisor.start()
    supervisor.stop()
    assert log == ["simulator", "pipeline", "broker"]


def test_each_task_has_ended_before_the_next_is_asked_to() -> None:
    log: list[str] = []
    first, over = waiting_task("first", log), Event()

    def run() -> None:
        over.wait(30)
        log.append("second has ended")

    supervisor = Supervisor([first, Task("second", run, over.set)])
    supervisor.start()
    supervisor.stop()
    assert log == ["second has ended", "first"]


def test_the_first_failure_is_the_one_that_is_told() -> None:
    gone = Event()

    def late() -> None:
        gone.wait(30)
        fail()

    supervisor = Supervisor([Task("first", fail, nothing), Task("second", late, nothing)])
    supervisor.start()
    assert supervisor.wait(10)
    gone.set()
    for thread in supervisor._threads:
        thread.join(10)
    assert supervisor.failed == "first"


def test_why_a_task_failed_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    supervisor = Supervisor([Task("bad", fail, nothing)])
    with caplog.at_level(logging.ERROR):
        supervisor.start()
        supervisor.wait(10)
        supervisor.stop()
    (record,) = caplog.records
    assert record.__dict__["task"] == "bad"
    assert record.exc_info is not None


def test_a_thread_that_does_not_come_round_hangs() -> None:
    turned = {"good": 100.0, "stuck": 60.0}
    tasks = [
        waiting_task("good")._replace(turned_s=lambda: turned["good"]),
        waiting_task("stuck")._replace(turned_s=lambda: turned["stuck"]),
        waiting_task("unwatched"),
    ]
    supervisor = Supervisor(tasks)
    assert supervisor.hanging(60.0 + PATIENCE_S) == []
    assert supervisor.hanging(60.1 + PATIENCE_S) == ["stuck"]
    assert supervisor.turned(50.0)
    assert not supervisor.turned(60.0)
