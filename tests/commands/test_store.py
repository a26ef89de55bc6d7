"""`edge-agent store`: looked at, taken along, mended."""

from __future__ import annotations

import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge_agent.adapters.sqlite.opening import PAGE_BYTES
from edge_agent.cli import main
from edge_agent.ports import Commit
from edge_agent.wire.outbox import Stream
from tests.adapters.sqlite_samples import EVSE, T0, opened, readings, record
from tests.adapters.test_sqlite import WATCH, suggestion
from tests.adapters.test_sqlite_facts import ALL

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(f'site_id = "site-001"\n[store]\npath = "{tmp_path}/s.sqlite"\n')
    return file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The store of that configuration, with something in each table, and nobody at it."""
    path, alert = tmp_path / "s.sqlite", WATCH.alert
    assert alert is not None
    store = opened(path)
    store.commit(readings(range(1_000)))
    store.sum_up()
    store.commit(
        Commit(
            facts=ALL,
            records=[record(seq) for seq in range(1, 4)],
            watches={(EVSE, alert.alert_type): WATCH},
            suggestions=[suggestion("s1")],
        )
    )
    store.close()
    return path


def asked(config: Path, *arguments: str) -> int:
    return main(["--config", str(config), "store", *arguments])


def damage(path: Path) -> None:
    """Overwrite a page of readings."""
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute(
            "SELECT max(pageno) FROM dbstat WHERE name = 'readings' AND pagetype = 'leaf'"
        ).fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE_BYTES)
        file.write(bytes([0xA5]) * PAGE_BYTES)


def lines(text: str) -> dict[str, str]:
    """Return the lines of a look, by what was looked at."""
    return {line.split()[1]: line for line in text.splitlines() if line.startswith(("ok ", "FAULT"))}


# check


def test_a_sound_store_has_a_line_for_each_table_with_rows_and_size(
    config: Path, path: Path, capsys: Captured
) -> None:
    assert path.exists()
    assert asked(config, "check") == 0
    told = lines(capsys.readouterr().out)
    assert all(line.startswith("ok ") for line in told.values())
    assert "1,000 rows, 0.1 MB" in told["readings"]
    assert "are free beside it" in told["file"]
    assert "through 006_devices" in told["schema"]
    assert {"hours", "past_alerts", "outbox_alerts", "consumers"} <= told.keys()


def test_a_store_that_an_agent_writes_is_looked_at_beside_it(config: Path, path: Path) -> None:
    store = opened(path)
    store.commit(readings(range(1_000, 1_001)))
    assert asked(config, "check") == 0
    store.commit(readings(range(1_001, 1_002)))
    store.close()


def test_damage_is_found_with_the_table_that_it_is_in_and_what_to_do(
    config: Path, path: Path, capsys: Captured
) -> None:
    damage(path)
    assert asked(config, "check") == 1
    told = capsys.readouterr().out
    assert {name for name, line in lines(told).items() if line.startswith("FAULT")} >= {"file", "readings"}
    assert "store repair" in told


def test_a_file_that_is_no_database_is_a_fault(config: Path, path: Path, capsys: Captured) -> None:
    path.write_bytes(b"not a database" * 1_000)
    assert asked(config, "check") == 1
    assert "not a database" in lines(capsys.readouterr().out)["file"]


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE readings SET source = 'telepathy' WHERE id < 4", ("readings", "3 of 1,000 rows")),
        ("UPDATE watches SET watch = '{'", ("watches", "1 of 1 rows")),
        ("UPDATE downtime SET cause = 'MAGIC'", ("downtime", "1 of 1 rows")),
        ("UPDATE outbox_alerts SET payload = '{' WHERE seq = 2", ("outbox_alerts", "1 of 3 rows")),
        ("UPDATE cursors SET seq = 99 WHERE stream = 'alerts'", ("consumers", "which end at 3")),
    ],
)
def test_what_the_agent_could_not_use_is_found(
    config: Path, path: Path, capsys: Captured, statement: str, found: tuple[str, str]
) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()
    assert asked(config, "check") == 1
    told = lines(capsys.readouterr().out)
    (name,) = [each for each, line in told.items() if line.startswith("FAULT")]
    assert name == found[0]
    assert found[1] in told[name]


def test_a_schema_of_another_version_is_told_and_no_fault(config: Path, path: Path, capsys: Captured) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE _sqlite_migrations SET name = '999_later' WHERE name = '004_audit'")
        connection.commit()
    assert asked(config, "check") == 0
    told = lines(capsys.readouterr().out)["schema"]
    assert "the next start adds 004_audit" in told
    assert "a newer agent added 999_later" in told


@pytest.mark.parametrize("arguments", [["check"], ["export", "x.jsonl"], ["repair"]], ids=" ".join)
def test_where_there_is_no_store_that_is_said(config: Path, arguments: list[str], capsys: Captured) -> None:
    assert asked(config, *arguments) == 1
    assert "there is no store at" in capsys.readouterr().err
    assert not Path("x.jsonl").exists()


# export


def exported(config: Path, file: Path, *more: str) -> list[dict[str, Any]]:
    assert asked(config, "export", str(file), *more) == 0
    text = gzip.decompress(file.read_bytes()).decode() if file.suffix == ".gz" else file.read_text()
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz"])
def test_all_that_a_site_wants_to_keep_is_a_line_each(
    config: Path, path: Path, tmp_path: Path, name: str, capsys: Captured
) -> None:
    assert path.exists()
    found = exported(config, tmp_path / name)
    kinds = {each["kind"] for each in found}
    facts = {"downtime", "attempts", "maintenance_done", "gaps", "episodes", "scores", "audit", "past_alerts"}
    assert kinds == {"readings", "hours", "suggestions", "open_alerts", "device_changes", *facts}
    first = next(each for each in found if each["kind"] == "readings")
    assert (first["charger_id"], first["connector_id"], first["source"]) == ("CHG_001", 1, "metrics")
    assert first["received_at"] == "2026-05-01T08:30:00.126456Z"
    assert first["metrics"]["connector_status"] == "CHARGING"
    assert sum(each["kind"] == "readings" for each in found) == 1_000
    assert "1,000 readings" in capsys.readouterr().out


def test_a_span_of_time_is_exported_alone(config: Path, path: Path, tmp_path: Path) -> None:
    assert path.exists()
    found = exported(
        config, tmp_path / "o", "--since", "2026-05-01T08:40:00Z", "--until", "2026-05-01T08:41:00Z"
    )
    readings_found = [each for each in found if each["kind"] == "readings"]
    assert len(readings_found) == 6
    assert all(each["received_at"].startswith("2026-05-01T08:40:") for each in readings_found)
    assert not any(each["kind"] == "device_changes" for each in found)


def test_rows_that_cannot_be_read_are_left_out_and_told(
    config: Path, path: Path, tmp_path: Path, capsys: Captured
) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE readings SET source = 'telepathy' WHERE id < 4")
        connection.commit()
    assert asked(config, "export", str(tmp_path / "o")) == 1
    told = capsys.readouterr()
    assert "997 readings" in told.out
    assert "3 readings" in told.err


def test_an_export_never_writes_over_a_file(
    config: Path, path: Path, tmp_path: Path, capsys: Captured
) -> None:
    assert path.exists()
    (tmp_path / "mine").write_text("mine")
    assert asked(config, "export", str(tmp_path / "mine")) == 1
    assert "exists already" in capsys.readouterr().err
    assert (tmp_path / "mine").read_text() == "mine"


def test_an_export_that_fails_leaves_no_half_file(
    config: Path, path: Path, tmp_path: Path, capsys: Captured
) -> None:
    damage(path)
    assert asked(config, "export", str(tmp_path / "o")) == 1
    assert "store repair" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


# repair


def test_a_damaged_store_is_mended_and_what_became_of_each_table_is_told(
    config: Path, path: Path, capsys: Captured
) -> None:
    damage(path)
    assert asked(config, "repair") == 0
    told = capsys.readouterr().out
    (line,) = [each for each in told.splitlines() if each.startswith("readings ")]
    assert "lost" in line
    assert "is kept as" in told
    assert asked(config, "check") == 0
    store = opened(path)
    assert store.usage().readings > 900
    store.close()


def test_while_the_agent_runs_it_is_refused(config: Path, path: Path, capsys: Captured) -> None:
    store = opened(path)
    assert asked(config, "repair") == 1
    assert "an agent is running on it; end that one" in capsys.readouterr().err
    store.close()


def test_one_that_a_start_had_set_aside_is_taken_up_again(
    config: Path, path: Path, tmp_path: Path, capsys: Captured
) -> None:
    damage(path)
    path.rename(tmp_path / "aside")
    opened(path).close()
    assert asked(config, "repair", str(tmp_path / "aside")) == 0
    assert "s.sqlite.replaced-" in capsys.readouterr().out
    store = opened(path)
    assert store.restore().last_seq[Stream.ALERTS] == 3
    assert store.records_after(Stream.ALERTS, 0, 9)[0].ts == T0
    store.close()


def test_a_time_that_is_none_is_asked_wrongly(config: Path, capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        asked(config, "export", "o", "--since", "yesterday")
    assert ended.value.code == 2
    assert "2026-03-01" in capsys.readouterr().err
