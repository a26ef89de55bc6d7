"""What upstream is owed, on a real file."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.adapters.sqlite import SqliteLedger
from edge_agent.adapters.sqlite import ledger as module
from edge_agent.backoffice.conversation import Owed
from edge_agent.errors import StoreError
from tests.rig.fakes import START


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def test_what_is_owed_comes_back_in_order_after_a_restart_and_once(path: Path) -> None:
    ledger = SqliteLedger(path, START)
    begun = ledger.keep("A", "1", "start", starts=True)
    assert ledger.keep("A", "2", "meter", starts=False) == 0
    assert ledger.keep("A", "1", "start", starts=True) == begun, "told again, it is the same transaction"
    ledger.keep("B", "1", "start", starts=True)
    ledger.close()
    ledger = SqliteLedger(path, START)
    first = ledger.next("A")
    assert first == Owed(1, "1", "start", begun)
    ledger.delivered(1)
    assert ledger.next("A") == Owed(2, "2", "meter", None)
    ledger.delivered(2)
    assert ledger.next("A") is None
    assert ledger.waiting() == 1
    ledger.close()


def test_no_transaction_id_is_handed_out_twice(path: Path) -> None:
    ledger = SqliteLedger(path, START)
    ids = set()
    for number in range(5):
        ids.add(ledger.keep("A", str(number), "start", starts=True))
        ledger.delivered(number + 1)
    ledger.close()
    assert len(ids) == 5
    assert max(ids) < 2**31


def test_whom_upstream_accepted_is_known_for_thirty_days_and_only_as_a_salted_hash(path: Path) -> None:
    ledger = SqliteLedger(path, START)
    ledger.remember("tag SECRET", START)
    ledger.close()
    ledger = SqliteLedger(path, START)
    assert ledger.knows("tag SECRET", START + timedelta(days=30))
    assert not ledger.knows("tag SECRET", START + timedelta(days=30, seconds=1))
    assert not ledger.knows("tag OTHER", START)
    ledger.forget("tag SECRET")
    assert not ledger.knows("tag SECRET", START)
    ledger.close()
    assert b"SECRET" not in path.read_bytes()


def test_what_was_delivered_is_no_longer_in_the_file(path: Path) -> None:
    ledger = SqliteLedger(path, START)
    ledger.keep("A", "1", "idTag PERSON", starts=False)
    ledger.delivered(1)
    ledger.close()
    assert b"PERSON" not in path.read_bytes()


def test_mappings_are_kept_until_their_transaction_ends(path: Path) -> None:
    ledger = SqliteLedger(path, START)
    ledger.mapped("A", 2_100_000_001, 17, START)
    ledger.mapped("B", 2_100_000_002, 18, START)
    ledger.close()
    ledger = SqliteLedger(path, START)
    assert ledger.mappings("A") == {2_100_000_001: 17}
    ledger.ended("A", 2_100_000_001)
    assert ledger.mappings("A") == {}
    ledger.close()


def test_the_file_is_its_owner_s_alone(path: Path) -> None:
    SqliteLedger(path, START).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_charger_that_is_owed_too_much_keeps_the_rest_itself(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_OWED", 2)
    ledger = SqliteLedger(path, START)
    ledger.keep("A", "1", "a", starts=False)
    ledger.keep("A", "2", "b", starts=False)
    with pytest.raises(StoreError):
        ledger.keep("A", "3", "c", starts=False)
    ledger.keep("B", "3", "c", starts=False)
    ledger.close()


def test_a_damaged_ledger_is_set_aside_and_a_new_one_begun(path: Path) -> None:
    path.write_bytes(b"this is no database, and long enough to be looked at" * 40)
    ledger = SqliteLedger(path, START)
    assert ledger.next("A") is None
    ledger.close()
    assert len(list(path.parent.glob("ledger.sqlite.corrupt-*"))) == 1
