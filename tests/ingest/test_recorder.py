"""The recorder: nothing is kept unasked, and never more than it may."""

from __future__ import annotations

import pytest

from edge_agent.ingest import recorder as module
from edge_agent.ingest.recorder import Recorder
from edge_agent.ports import Message
from tests.rig.fakes import START, FakeClock


def message(text: str = "x") -> Message:
    return Message(0, None, "t", text.encode(), START, retained=False)


def heard(recorder: Recorder, after: int, most: int = 100) -> list[str]:
    return [each.payload.decode() for _, each in recorder.after(after, most)[0]]


def test_nothing_is_kept_until_somebody_asks_and_nothing_once_he_asks_no_more() -> None:
    clock = FakeClock()
    recorder = Recorder(clock.monotonic)
    recorder.heard(message("before"))
    assert heard(recorder, 0) == []
    recorder.heard(message("a"))
    recorder.heard(message("b"))
    assert heard(recorder, 0) == ["a", "b"]
    assert heard(recorder, 1) == ["b"]
    assert heard(recorder, 0, most=1) == ["a"]
    clock.pass_time(module.ASKED_WITHIN_S + 1)
    recorder.heard(message("c"))
    assert heard(recorder, 0) == []


def test_what_comes_too_fast_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", 3)
    recorder = Recorder(FakeClock().monotonic)
    recorder.after(0, 0)
    for number in range(5):
        recorder.heard(message(str(number)))
    found, missed = recorder.after(0, 100)
    assert ([each.payload for _, each in found], missed) == ([b"2", b"3", b"4"], 2)


def test_large_messages_are_kept_up_to_a_bound_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    recorder = Recorder(FakeClock().monotonic)
    recorder.after(0, 0)
    for _ in range(5):
        recorder.heard(message("x" * 40))
    assert len(recorder.after(0, 100)[0]) == 2
