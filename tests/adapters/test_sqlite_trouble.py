"""The store when the disk is full, the file damaged, the process killed."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.adapters.sqlite import SqliteReader
from edge_agent.adapters.sqlite.opening import PAGE_BYTES, put_aside
from edge_agent.errors import StoreCorrupt, StoreError
from edge_agent.ports import Commit, Delivered, Quarantined
from edge_agent.wire.outbox import Stream
from tests.adapters.sqlite_samples import EVSE, T0, folded, opened, reading, readings, record

COMMITTER = """
import sys
from pathlib import Path
from tests.adapters.sqlite_samples import opened, readings
store = opened(Path(sys.argv[1]))
first = 0
while True:
    store.commit(readings(range(first, first + 3)))
    first += 3
    print(first, flush=True)
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that holds 1 MiB."""
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)], check=False, capture_output=True
    )
    if mount.returncode:
        pytest.skip("may not mount a small file system here (needs root)")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_full_disk_refuses_a_commit_whole_and_the_next_one_works(small_disk: Path) -> None:
    store = opened(small_disk / "store.sqlite")
    store.commit(readings(range(2)))
    (small_disk / "ballast").write_bytes(bytes(os.statvfs(small_disk).f_bavail * 4096))

    with pytest.raises(StoreError, match="disk"):
        store.commit(
            Commit(
                readings=readings(range(2, 3000)).readings,
                records=[record(1)],
                delivered=[Delivered(1, bytes(8))],
                quarantined=[Quarantined(T0, "t", "r", b"x")],
            )
        )
    (small_disk / "ballast").unlink()
    store.commit(readings(range(2, 4)))
    store.close()

    store = opened(small_disk / "store.sqlite")
    assert [each.metrics.energy_delivered for _, each in store.readings_since_snapshot()] == [
        0.0,
        1.0,
        2.0,
        3.0,
    ]
    assert store.records_after(Stream.ALERTS, 0, 9) == []
    assert store.restore().delivered == []
    assert store.set_aside is None
    store.close()


def test_a_full_database_refuses_a_commit_whole_and_the_next_one_works(tmp_path: Path) -> None:
    store = opened(tmp_path / "store.sqlite")
    store.commit(readings(range(2)))
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(StoreError, match=r"disk is full: free some space"):
        store.commit(readings(range(2, 3000)))
    store._connection.execute("PRAGMA max_page_count = 1000000")
    store.commit(readings(range(2, 4)))

    assert len(list(store.readings_since_snapshot())) == 4
    assert store.usage().readings == 4
    store.close()


def test_another_writer_is_waited_for_and_then_named(tmp_path: Path) -> None:
    store = opened(tmp_path / "store.sqlite")
    store._connection.execute("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError, match="another process is writing"):
        store.commit(readings(range(1)))
    other.close()

    store.commit(readings(range(1)))
    store.close()


def test_a_second_agent_on_the_same_store_is_refused(tmp_path: Path) -> None:
    store = opened(tmp_path / "store.sqlite")

    with pytest.raises(StoreError, match="in use by another process"):
        opened(tmp_path / "store.sqlite")
    store.close()

    opened(tmp_path / "store.sqlite").close()


def test_a_missing_directory_is_made_for_the_agent_and_its_group(tmp_path: Path) -> None:
    opened(tmp_path / "var" / "store.sqlite").close()

    assert (tmp_path / "var").stat().st_mode & 0o777 == 0o750


def test_a_directory_that_cannot_be_made_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")

    with pytest.raises(StoreError, match=r"cannot be made .* change store\.path"):
        opened(tmp_path / "var" / "lib" / "store.sqlite")


def test_a_path_that_is_no_file_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").mkdir()

    with pytest.raises(StoreError, match="cannot be opened: check"):
        opened(tmp_path / "store.sqlite")


def test_a_reader_of_a_store_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        SqliteReader(tmp_path / "store.sqlite").usage()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_set_aside_for_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"these are not the bytes of a database" * 200)

    store = opened(path)
    store.commit(readings(range(1)))

    assert store.set_aside == tmp_path / "store.sqlite.corrupt-20260501T083000Z"
    assert store.set_aside.read_bytes().startswith(b"these are not")
    assert len(list(store.readings_since_snapshot())) == 1
    store.close()


def test_a_database_with_torn_pages_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    store = opened(path)
    store.commit(readings(range(3000)))
    store.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(PAGE_BYTES)
        file.write(bytes([0xA5]) * (size - PAGE_BYTES))

    store = opened(path)

    assert store.set_aside is not None
    assert store.usage().readings == 0
    store.close()


def test_a_log_that_is_left_is_set_aside_with_its_database(tmp_path: Path) -> None:
    for name in ("store.sqlite", "store.sqlite-wal", "store.sqlite-shm", "store.sqlite.lock"):
        (tmp_path / name).touch()

    put_aside(tmp_path / "store.sqlite", T0)

    mark = "store.sqlite.corrupt-20260501T083000Z"
    assert {file.name for file in tmp_path.iterdir()} == {
        mark,
        f"{mark}-wal",
        f"{mark}-shm",
        "store.sqlite.lock",
    }


def test_damage_that_shows_later_is_told_apart_and_set_aside_by_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    store = opened(path)
    store.commit(readings(range(3000)))
    root = store._connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'watches'").fetchone()[
        0
    ]
    store.close()
    with path.open("r+b") as file:
        file.seek((root - 1) * PAGE_BYTES)
        file.write(bytes([0xA5]) * PAGE_BYTES)

    store = opened(path)
    with pytest.raises(StoreCorrupt, match="damaged"):
        store.restore()
    assert SqliteReader(path).faults() != []
    store.close()

    store = opened(path)
    assert store.set_aside is not None
    assert store.restore().watches == {}
    store.close()
    store = opened(path)
    assert store.set_aside is None
    store.close()


def test_rows_that_cannot_be_read_back_are_counted_and_left_out(tmp_path: Path) -> None:
    store = opened(tmp_path / "store.sqlite")
    store.commit(Commit(readings=[(EVSE, reading(1))], snapshot={EVSE: folded(None, [reading(1)])}))
    store.commit(readings(range(2, 4)))
    store._connection.execute("UPDATE readings SET source = 'telepathy' WHERE id = 2")
    store._connection.execute("UPDATE snapshot SET chargers = x'00'")

    assert store.restore().chargers == {}
    assert [each.metrics.energy_delivered for _, each in store.readings_since_snapshot()] == [3.0]
    assert store.unreadable == {"snapshot": 1, "readings": 1}
    store.close()


@pytest.mark.parametrize("seed", range(5))
def test_what_was_committed_before_a_kill_is_there_after_it(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "store.sqlite"
    process = subprocess.Popen(
        [sys.executable, "-c", COMMITTER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for _ in range(random.Random(seed).randrange(1, 400)):
        process.stdout.readline()
    process.kill()
    said = process.stdout.read().split()
    process.stdout.close()
    process.wait()

    store = opened(path)
    kept = [each.metrics.energy_delivered for _, each in store.readings_since_snapshot()]
    assert store.set_aside is None
    assert kept == [float(number) for number in range(len(kept))]
    assert len(kept) % 3 == 0
    assert len(kept) >= int(said[-1] if said else 3)
    store.commit(readings(range(len(kept), len(kept) + 1), T0 + timedelta(days=1)))
    store.close()
