"""A store whose file is really damaged: what can be read of it is in a new one, and nothing is gone."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge_agent.adapters.sqlite.inspecting import inspect
from edge_agent.adapters.sqlite.opening import PAGE_BYTES
from edge_agent.adapters.sqlite.repairing import Saved, repaired
from edge_agent.adapters.sqlite.shapes import SHAPES
from edge_agent.errors import StoreError
from edge_agent.ports import Commit
from edge_agent.wire.outbox import Stream
from tests.adapters.sqlite_samples import EVSE, T0, folded, opened, reading, readings, record
from tests.adapters.test_sqlite import WATCH, suggestion
from tests.adapters.test_sqlite_facts import ALL

READINGS, RECORDS = 6_000, 2_000
Damage = Callable[[Path, random.Random], None]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with something in each table."""
    path = tmp_path_factory.mktemp("sound") / "store.sqlite"
    store = opened(path)
    for first in range(0, READINGS, 1_000):
        store.commit(readings(range(first, first + 1_000)))
    store.sum_up()
    store.commit(
        Commit(
            facts=ALL,
            records=[record(seq) for seq in range(1, RECORDS + 1)],
            watches={(EVSE, WATCH.alert.alert_type): WATCH} if WATCH.alert else {},
            suggestions=[suggestion("s1")],
            cursors={("uplink", Stream.ALERTS): RECORDS},
            snapshot={EVSE: folded(None, [reading(1)])},
            meta={"quiet": "[]"},
        )
    )
    store.close()
    return path


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sound, tmp_path / "store.sqlite"))


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        return {shape.name: connection.execute(shape.select).fetchall() for shape in SHAPES}


def repaired_in_place(path: Path) -> dict[str, Saved]:
    told: list[Saved] = []
    repaired(path, path, T0, told.append)
    assert [look for look in inspect(path) if look.fault is not None] == []
    return {each.table: each for each in told}


def pages_of(path: Path, table: str) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf'", (table,))
        return [page for (page,) in found]


def overwrite(path: Path, places: Iterator[int], garbage: Callable[[], bytes]) -> None:
    with path.open("r+b") as file:
        for place in places:
            file.seek(place)
            file.write(garbage())


def lose_pages(count: int, table: str) -> Damage:
    def damage(path: Path, rng: random.Random) -> None:
        lost = rng.sample(pages_of(path, table), count)
        overwrite(path, ((page - 1) * PAGE_BYTES for page in lost), lambda: rng.randbytes(PAGE_BYTES))

    return damage


def scratch(path: Path, rng: random.Random) -> None:
    """A few bytes here and there, as worn flash gives them back."""
    pages = [page for name in ("readings", "outbox_alerts") for page in pages_of(path, name)]
    hit = rng.sample(pages, 20)
    overwrite(
        path,
        ((page - 1) * PAGE_BYTES + rng.randrange(PAGE_BYTES - 20) for page in hit),
        lambda: rng.randbytes(20),
    )


def lose_both_ends(path: Path, rng: random.Random) -> None:
    pages = pages_of(path, "readings")
    ends = [pages[0], pages[-1], *rng.sample(pages[1:-1], 3)]
    overwrite(path, ((page - 1) * PAGE_BYTES for page in ends), lambda: rng.randbytes(PAGE_BYTES))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "damage",
    [
        lose_pages(1, "readings"),
        lose_pages(40, "readings"),
        lose_pages(5, "outbox_alerts"),
        scratch,
        lose_both_ends,
    ],
    ids=["a page", "many pages", "records", "scratched", "both ends"],
)
def test_what_is_not_damaged_is_saved_as_it_was(sound: Path, path: Path, damage: Damage, seed: int) -> None:
    damage(path, random.Random(seed))
    saved = repaired_in_place(path)
    before, after = rows(sound), rows(path)
    assert saved["readings"].rows == len(after["readings"])
    for table in ("readings", "outbox_alerts"):
        kept, there = set(after[table]), set(before[table])
        wrong = kept - there  # scratched where nothing shows it
        assert len(wrong) <= 20
        assert len(kept & there) >= 0.85 * len(there), saved[table]
    for table in before.keys() - {"readings", "outbox_alerts", "cursors", "meta"}:
        assert after[table] == before[table]


def test_what_was_lost_is_counted(path: Path) -> None:
    lose_pages(10, "readings")(path, random.Random(1))
    saved = repaired_in_place(path)["readings"]
    assert (saved.whole, saved.rows + saved.lost) == (False, READINGS)


def test_a_file_that_ends_early_gives_what_it_has(sound: Path, path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size * 2 // 3)
    saved = repaired_in_place(path)
    assert saved["readings"].rows > READINGS / 3
    assert set(rows(path)["readings"]) <= set(rows(sound)["readings"])


def test_of_a_file_that_is_no_database_nothing_is_saved_and_it_is_kept(path: Path) -> None:
    path.write_bytes(b"these are not the bytes of a database" * 200)
    told: list[Saved] = []
    aside = repaired(path, path, T0, told.append)
    assert {each.rows for each in told} == {0}
    assert aside is not None
    assert aside.read_bytes().startswith(b"these are not")
    opened(path).close()


def test_the_damaged_file_is_set_aside_as_it_was(path: Path) -> None:
    lose_pages(3, "readings")(path, random.Random(2))
    before = path.read_bytes()
    aside = repaired(path, path, T0, lambda _: None)
    assert aside == path.with_name("store.sqlite.corrupt-20260501T083000Z")
    assert aside.read_bytes() == before
    assert not path.with_name("store.sqlite.repaired").exists()


def test_of_a_store_that_was_set_aside_before_a_start_goes_on(path: Path) -> None:
    set_aside = path.rename(path.with_name("store.sqlite.corrupt-before"))
    begun = opened(path)
    begun.commit(readings(range(3)))
    begun.close()
    aside = repaired(path, set_aside, T0, lambda _: None)
    assert aside == path.with_name("store.sqlite.replaced-20260501T083000Z")
    assert len(rows(aside)["readings"]) == 3
    assert set_aside.exists()
    store = opened(path)
    assert store.usage().readings == READINGS
    assert EVSE in store.restore().chargers
    store.close()


def test_what_comes_next_is_told_to_those_who_had_what_is_lost(path: Path) -> None:
    end = pages_of(path, "outbox_alerts")[-1]
    overwrite(path, iter([(end - 1) * PAGE_BYTES]), lambda: bytes([0xA5]) * PAGE_BYTES)
    repaired_in_place(path)
    store = opened(path)
    kept = store.restore()
    assert kept.cursors["uplink", Stream.ALERTS] == kept.last_seq[Stream.ALERTS] < RECORDS
    store.close()


def test_rows_that_nobody_can_read_back_are_not_taken_along(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE readings SET source = 'telepathy' WHERE id IN (5, 9)")
        connection.execute("UPDATE watches SET watch = '{'")
        connection.commit()
    saved = repaired_in_place(path)
    assert (saved["readings"].rows, saved["readings"].lost) == (READINGS - 2, 2)
    assert (saved["watches"].rows, saved["watches"].lost) == (0, 1)


def test_while_an_agent_runs_on_it_nothing_is_touched(path: Path) -> None:
    store = opened(path)
    with pytest.raises(StoreError, match="an agent is running on it"):
        repaired(path, path, T0, lambda _: None)
    store.commit(readings(range(READINGS, READINGS + 1)))
    store.close()
    assert {file.name for file in path.parent.iterdir()} == {"store.sqlite", "store.sqlite.lock"}


def test_a_repair_that_fails_leaves_all_as_it_was(path: Path) -> None:
    before = path.read_bytes()

    def fail(saved: Saved) -> None:
        if saved.table == "meta":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        repaired(path, path, T0, fail)
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*.repaired*"))


def test_a_store_of_an_older_version_is_brought_up_to_date(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE device_changes")
        connection.execute("ALTER TABLE readings DROP COLUMN raised")
        connection.commit()
    saved = repaired_in_place(path)
    assert saved["readings"] == Saved("readings", READINGS, 0, whole=True)
    assert saved["device_changes"] == Saved("device_changes", 0, 0, whole=True)
