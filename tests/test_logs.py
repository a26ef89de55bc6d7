"""One event a line, readable by machines under systemd, and nothing in it that is nobody's business."""

from __future__ import annotations

import json
import logging
import os
import sys
from io import StringIO
from pathlib import Path

import pytest

from edge_agent import logs
from edge_agent.commands import keys
from edge_agent.logs import JsonLine, ReadableLine
from tests.rig.fakes import FULL_DISK, PREFIX, Kerbside


def record(event: str = "something", level: int = logging.INFO, **extra: object) -> logging.LogRecord:
    return logging.getLogger("edge_agent.x").makeRecord(
        "edge_agent.x", level, "f", 1, event, (), None, extra=extra
    )


def test_a_line_is_one_json_object_with_time_level_event_logger_and_fields() -> None:
    told = json.loads(JsonLine().format(record("broker lost", logging.WARNING, reason="gone")))
    assert set(told) == {"at", "level", "event", "logger", "reason"}
    assert (told["level"], told["event"], told["reason"]) == ("warning", "broker lost", "gone")


@pytest.mark.parametrize(
    "odd", ["two\nlines", 'quote " and \\', "\ud800", Path("/x"), {1: 2}, None, b"x", "°C 充"]
)
def test_whatever_a_field_holds_it_stays_one_line_of_json(odd: object) -> None:
    line = JsonLine().format(record(field=odd))
    assert "\n" not in line
    json.loads(line)
    line.encode()


def failed() -> logging.LogRecord:
    made = record("a thread has failed", logging.ERROR)
    try:
        int("a bug\nover two lines")
    except ValueError:
        made.exc_info = sys.exc_info()
    return made


def test_an_exception_is_a_field_of_the_same_line() -> None:
    line = JsonLine().format(failed())
    assert "\n" not in line
    assert "ValueError: invalid literal" in json.loads(line)["exception"]


def test_on_a_terminal_a_line_has_time_level_event_and_fields() -> None:
    line = ReadableLine().format(record("broker lost", logging.WARNING, reason="gone"))
    assert line.split(" ", 1)[1] == "warning broker lost  reason=gone"
    assert "ValueError" in ReadableLine().format(failed())


class Terminal(StringIO):
    """Standard output that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def root_logger() -> object:
    """The root logger, put back after the test."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = before
    root.setLevel(level)


@pytest.mark.usefixtures("root_logger")
@pytest.mark.parametrize(
    ("stdout", "environment", "formatter"),
    [
        (StringIO(), {}, JsonLine),
        (Terminal(), {}, ReadableLine),
        (StringIO(), {"JOURNAL_STREAM": "8:1"}, JsonLine),
        (Terminal(), {"JOURNAL_STREAM": "8:1"}, ReadableLine),
    ],
    ids=["pipe", "terminal", "pipe below systemd", "terminal below systemd"],
)
def test_it_is_readable_on_a_terminal_and_json_elsewhere(
    monkeypatch: pytest.MonkeyPatch, stdout: StringIO, environment: dict[str, str], formatter: type
) -> None:
    monkeypatch.setattr(sys, "stdout", stdout)
    logs.set_up(environment)
    assert isinstance(logging.getLogger().handlers[0].formatter, formatter)
    logging.getLogger("edge_agent.x").info("hello")
    assert "hello" in stdout.getvalue()
    logging.getLogger("apscheduler.scheduler").info("chatter")
    assert "chatter" not in stdout.getvalue()


@pytest.mark.usefixtures("root_logger")
def test_the_journal_gets_priorities_before_json(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    named = os.fstat(write)
    with os.fdopen(write, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        logs.set_up({"JOURNAL_STREAM": f"{named.st_dev}:{named.st_ino}"}, logging.DEBUG)
        log = logging.getLogger("edge_agent.x")
        for level in ("debug", "info", "warning", "error", "critical"):
            getattr(log, level)("told", extra={"charger_id": "CHG_001"})
    with os.fdopen(read) as journal:
        lines = journal.read().splitlines()
    assert [line[:3] for line in lines] == ["<7>", "<6>", "<4>", "<3>", "<2>"]
    told = [json.loads(line[3:]) for line in lines]
    assert [each["level"] for each in told] == ["debug", "info", "warning", "error", "critical"]
    assert {each["charger_id"] for each in told} == {"CHG_001"}


def test_no_key_is_ever_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "c.toml"
    config.write_text(f'site_id = "s"\n[web]\nkeys_file = "{tmp_path}/keys.json"\n')
    with caplog.at_level(logging.DEBUG):
        assert keys.add(config, "admin", "") == 0
    key = capsys.readouterr().out.split()[-1]
    assert len(key) > 40
    assert key not in caplog.text
    assert key not in (tmp_path / "keys.json").read_text()


def test_nothing_of_people_gets_into_log_store_or_broker(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Frames with an idTag, well-formed, ill-formed, on the wrong topic, and with a store that refuses."""
    tag = "DEADBEEF007"
    frames = [
        [2, "1", "StartTransaction", {"connectorId": 1, "idTag": tag, "meterStart": 0}],
        [2, "2", "StopTransaction", {"transactionId": 1, "idTag": tag, "meterStop": 5}],
        [2, "3", "Authorize", {"idTag": tag}],
        [2, "4", "StartTransaction", {"connectorId": "x", "idTag": tag}],
        [3, "1", {"idTagInfo": {"parentIdTag": tag}, "transactionId": 4}],
    ]
    site = Kerbside().connect()
    with caplog.at_level(logging.DEBUG):
        for refuses in (None, FULL_DISK, None):
            site.store.refuses = refuses
            for frame in frames:
                site.clock.pass_time(2.0)
                site.turn(site.message(json.dumps(frame).encode(), topic=f"{PREFIX}/chargers/C/ocpp"))
        site.until_due()
    assert tag not in caplog.text
    assert not any(tag.encode() in each.payload for each in site.broker.sent)
    assert not any(tag in str(each.readings) + str(each.records) for each in site.store.kept)
    assert not any(tag in each.reason for commit in site.store.kept for each in commit.quarantined)


@pytest.mark.parametrize("topic", ["metrics", "ocpp"])
def test_nothing_of_people_gets_into_the_quarantine(topic: str) -> None:
    frame = json.dumps([2, "1", "StartTransaction", {"connectorId": "x", "idTag": "DEADBEEF007"}]).encode()
    site = Kerbside().connect()
    site.turn(site.message(frame, topic=f"{PREFIX}/chargers/C/{topic}")).until_due()
    set_aside = [each for commit in site.store.kept for each in commit.quarantined]
    assert set_aside
    assert not any(b"DEADBEEF007" in each.payload for each in set_aside)
