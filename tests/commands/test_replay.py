"""A recorded log through the whole pipeline: the same bytes each time, and no line that ends it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from edge_agent.cli import main
from edge_agent.commands.replay import replay

TOPIC = "evzone/v1/site-001/chargers/CHG_001/metrics"


def line(at: object, payload: object = None, topic: object = TOPIC) -> str:
    told = payload if payload is not None else {"connector_status": "AVAILABLE", "connector_id": 1}
    return json.dumps({"topic": topic, "payload": told, "at": at})


def status(name: str, **more: object) -> dict[str, object]:
    return {"connector_status": name, "connector_id": 1, **more}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


@pytest.fixture
def no_models(tmp_path: Path) -> Path:
    """A configuration with the rules for models: they are there at once."""
    file = tmp_path / "c.toml"
    file.write_text(f'site_id = "s"\n[models]\ndir = "{tmp_path}"\n')
    return file


def played(log: Path, config: Path, *lines: str) -> list[dict[str, Any]]:
    log.write_text("".join(f"{each}\n" for each in lines))
    out = StringIO()
    assert replay([log], None, config, out) == 0
    return [json.loads(each) for each in out.getvalue().splitlines()]


def outcomes(told: list[dict[str, Any]]) -> list[str]:
    return [each["outcome"] for each in told]


def alerts(told: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each["alert_type"], each["state"]) for each in told if each["outcome"] == "alert"]


def test_a_fault_and_its_end_are_told_as_alerts_at_the_logs_time(log: Path, no_models: Path) -> None:
    told = played(
        log,
        no_models,
        line("2025-01-01T00:00:00Z", status("FAULTY")),
        line("2025-01-01T00:01:00Z"),
        line("2025-01-01T00:02:00Z"),
    )
    assert alerts(told) == [("CHARGER_FAULTED", "OPEN"), ("CHARGER_FAULTED", "CLEARED")]
    (raised,) = {each["raised_at"] for each in told if each["outcome"] == "alert"}
    assert raised == "2025-01-01T00:00:00Z"


def test_silence_in_the_log_is_silence(log: Path, no_models: Path) -> None:
    times = ("2025-01-01T00:00:00Z", "2025-01-01T06:00:00Z", "2025-01-01T06:00:10Z")
    told = played(log, no_models, *(line(at) for at in times))
    assert alerts(told) == [("CHARGER_OFFLINE", "OPEN"), ("CHARGER_OFFLINE", "CLEARED")]


@pytest.mark.parametrize(
    "odd",
    [
        "not JSON",
        "null",
        "5",
        "[]",
        "{}",
        '{"topic": "t", "payload": {}}',
        '{"topic": "t", "at": "2025-01-01T00:00:00Z"}',
        line("yesterday"),
        line(None),
        line([]),
        '{"topic": "t", "payload": "\\ud800", "at": "2025-01-01T00:00:00Z"}',
        "[" * 100_000,
        "\x00\x00",
    ],
)
def test_a_line_that_is_no_message_is_rejected_by_its_number_and_the_rest_played(
    log: Path, no_models: Path, odd: str
) -> None:
    told = played(
        log, no_models, line("2025-01-01T00:00:00Z"), odd, line("2025-01-01T00:01:00Z", status("FAULTY"))
    )
    assert [each["line"] for each in told if each["outcome"] == "rejected"] == [2]
    assert alerts(told) == [("CHARGER_FAULTED", "OPEN")]


@pytest.mark.parametrize("odd", ["not JSON", "{}", line("yesterday")])
def test_a_first_line_that_is_no_message_spoils_none_after_it(log: Path, no_models: Path, odd: str) -> None:
    told = played(log, no_models, odd, line("2025-01-01T00:00:00Z", status("FAULTY")))
    assert outcomes(told).count("rejected") == 1
    assert alerts(told) == [("CHARGER_FAULTED", "OPEN")]


def test_a_payload_may_be_the_text_that_came(log: Path, no_models: Path) -> None:
    told = played(
        log,
        no_models,
        line("2025-01-01T00:00:00Z", json.dumps(status("FAULTY"))),
        line("2025-01-01T00:00:01Z", "{not JSON"),
    )
    assert alerts(told) == [("CHARGER_FAULTED", "OPEN")]
    assert outcomes(told).count("rejected") == 1


@pytest.mark.parametrize("topic", ["t", "", 5, None, "\ud800", "evzone/v1/site-001/chargers/_x/metrics"])
def test_a_topic_that_nobody_reads_is_rejected(log: Path, no_models: Path, topic: object) -> None:
    told = played(log, no_models, line("2025-01-01T00:00:00Z"), line("2025-01-01T00:00:01Z", topic=topic))
    assert outcomes(told).count("rejected") == 1


def test_a_naive_time_is_utc(log: Path, no_models: Path) -> None:
    naive = played(log, no_models, line("2025-01-01T00:00:00", status("FAULTY")))
    assert naive == played(log, no_models, line("2025-01-01T01:00:00+01:00", status("FAULTY")))


def test_untimed_messages_whose_log_goes_back_are_taken_as_they_come(log: Path, no_models: Path) -> None:
    """The log's clock is the agent's: one that was set back makes no message late."""
    told = played(
        log,
        no_models,
        line("2025-01-01T01:00:00Z"),
        line("2025-01-01T00:00:00Z", status("FAULTY")),
        line("2025-01-01T01:00:01Z"),
    )
    assert alerts(told) == [("CHARGER_FAULTED", "OPEN"), ("CHARGER_FAULTED", "CLEARED")]


@pytest.mark.parametrize("at", ["2025-01-01T00:00:00Z", "2025-01-01T01:00:01Z"], ids=["back", "on"])
def test_a_message_that_is_older_by_the_chargers_own_clock_is_late_whenever_it_came(
    log: Path, no_models: Path, at: str
) -> None:
    told = played(
        log,
        no_models,
        line("2025-01-01T01:00:00Z", status("AVAILABLE", timestamp="2025-01-01T01:00:00Z")),
        line(at, status("FAULTY", timestamp="2025-01-01T00:00:00Z")),
        line("2025-01-01T01:00:02Z", status("AVAILABLE", timestamp="2025-01-01T01:00:02Z")),
    )
    assert alerts(told) == []


def test_a_leap_of_years_is_played_in_no_time(log: Path, no_models: Path) -> None:
    """A box without a clock took 1970 for now until it was told."""
    told = played(
        log, no_models, line("1970-01-01T00:00:00Z"), line("2025-01-01T00:00:00Z", status("FAULTY"))
    )
    assert alerts(told) == [("CHARGER_OFFLINE", "OPEN"), ("CHARGER_FAULTED", "OPEN")]


def test_two_files_are_one_log(log: Path, no_models: Path, tmp_path: Path) -> None:
    other = tmp_path / "second.jsonl"
    log.write_text(line("2025-01-01T00:00:00Z") + "\n")
    other.write_text(line("2025-01-01T00:00:10Z", status("FAULTY")) + "\n")
    out = StringIO()
    assert replay([log, other], None, no_models, out) == 0
    assert '"CHARGER_FAULTED"' in out.getvalue()


def test_a_prefix_may_be_given(log: Path, no_models: Path) -> None:
    log.write_text(line("2025-01-01T00:00:00Z", status("FAULTY"), "a/b/chargers/C/metrics") + "\n")
    out = StringIO()
    assert replay([log], "elsewhere", no_models, out) == 0
    assert '"rejected"' in out.getvalue()


def test_the_summary_goes_to_stderr(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log.write_text(line("2025-01-01T00:00:00Z", status("FAULTY")) + "\n")
    assert main(["replay", str(log)]) == 0
    told = capsys.readouterr()
    assert told.err.startswith("1 messages: 1 alert")
    assert all(json.loads(each) for each in told.out.splitlines())


@pytest.mark.parametrize("content", ["", "\n\n", "not JSON\n"])
def test_a_log_with_no_message_ends_with_1_and_says_so(
    log: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    log.write_text(content)
    assert main(["replay", str(log)]) == 1
    assert "nothing to replay" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_ends_with_1_and_says_which(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file, why in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        assert main(["replay", str(file)]) == 1
        told = capsys.readouterr().err
        assert told.startswith(f"edge-agent: cannot read {file}: {why}")


def test_bytes_that_are_no_text_are_a_line_that_is_no_message(log: Path, no_models: Path) -> None:
    log.write_bytes(b"\xff\xfe\n" + line("2025-01-01T00:00:00Z", status("FAULTY")).encode() + b"\n")
    out = StringIO()
    assert replay([log], None, no_models, out) == 0
    assert out.getvalue().count('"rejected"') == 1


def test_the_same_log_prints_the_same_bytes_whatever_python_does_with_its_hashes(log: Path) -> None:
    """With the models that are shipped, in two processes."""
    lines = [
        line(
            f"2025-01-01T{minute // 60:02}:{minute % 60:02}:00Z",
            told,
            f"evzone/v1/s/chargers/C{charger}/metrics",
        )
        for minute in range(120)
        for charger, told in enumerate(
            (
                status("CHARGING", power=7.0, temperature=30 + minute / 3),
                status("FAULTY" if minute % 40 > 30 else "AVAILABLE", error_codes=["WeakSignal", "CX008"]),
                {"connector_status": "DANCING"},
            )
        )
    ]
    log.write_text("\n".join(lines))
    printed = [
        subprocess.run(
            [sys.executable, "-m", "edge_agent", "replay", str(log)],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
            capture_output=True,
            check=True,
            timeout=120,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    ]
    assert printed[0] == printed[1]
    assert printed[0].count(b'"alert"') > 3
    assert printed[0].count(b'"rejected"') == 120
