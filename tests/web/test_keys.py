"""The key ring: a file that outlives crashes, tells nothing, and is obeyed at once."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from edge_agent.adapters.web.keys import PREFIX, KeyRing, Role
from edge_agent.errors import ConfigError
from tests.web.desk import NOW


def test_a_key_is_found_again_with_its_role(ring: KeyRing) -> None:
    key_id, key = ring.add(Role.TECHNICIAN, "phone of the night shift")
    entry = ring.find(key.encode())
    assert entry is not None
    assert (entry.id, entry.role) == (key_id, Role.TECHNICIAN)
    assert (entry.label, entry.created_at) == ("phone of the night shift", NOW)


def test_a_key_has_256_random_bits_and_no_two_are_the_same(ring: KeyRing) -> None:
    keys = {ring.add(Role.VIEWER).key for _ in range(10)}
    assert len(keys) == 10
    assert all(key.startswith(PREFIX) and len(key) == len(PREFIX) + 43 for key in keys)


def test_the_file_holds_a_hash_and_is_for_its_owner_alone(ring: KeyRing) -> None:
    key = ring.add(Role.ADMIN).key
    text = ring._path.read_text()
    assert key not in text
    assert sha256(key.encode()).hexdigest() in text
    assert stat.S_IMODE(ring._path.stat().st_mode) == 0o600


@pytest.mark.parametrize("wrong", [b"", b"evz_", b"\xff\xfe", b"x" * 100_000])
def test_what_is_no_key_is_not_found(ring: KeyRing, wrong: bytes) -> None:
    ring.add(Role.VIEWER)
    assert ring.find(wrong) is None


def test_without_a_file_nobody_gets_in(ring: KeyRing) -> None:
    assert ring.list() == []
    assert ring.find(b"") is None


def test_keys_are_listed_oldest_first_and_revoked_by_id(ring: KeyRing) -> None:
    ids = [ring.add(role).id for role in Role]
    assert [entry.id for entry in ring.list()] == ids
    assert ring.revoke(ids[1])
    assert [entry.id for entry in ring.list()] == [ids[0], ids[2]]
    assert not ring.revoke(ids[1])


def test_a_change_by_another_process_counts_from_the_next_request_on(ring: KeyRing) -> None:
    other = KeyRing(ring._path)
    key_id, key = other.add(Role.VIEWER)
    assert ring.find(key.encode()) is not None
    other.revoke(key_id)
    assert ring.find(key.encode()) is None


def test_a_damaged_file_lets_nobody_in_and_is_not_overwritten(
    ring: KeyRing, caplog: pytest.LogCaptureFixture
) -> None:
    key = ring.add(Role.VIEWER).key
    ring._path.write_text("{ torn")
    assert ring.find(key.encode()) is None
    assert "keys file" in caplog.text
    for order in (ring.list, lambda: ring.add(Role.VIEWER), lambda: ring.revoke("0" * 8)):
        with pytest.raises(ConfigError, match=r"keys\.json"):
            order()
    assert ring._path.read_text() == "{ torn"


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"):
        KeyRing(tmp_path / "file" / "keys.json").add(Role.VIEWER)


def test_keys_added_at_the_same_time_are_all_kept(ring: KeyRing) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: KeyRing(ring._path).add(Role.VIEWER).id, range(24)))
    assert {entry.id for entry in ring.list()} == ids


def test_what_a_crash_left_half_written_is_no_hindrance(ring: KeyRing) -> None:
    ring._path.with_name(".keys.json.new").write_text("half")
    ring.add(Role.VIEWER)
    assert len(ring.list()) == 1
    assert list(ring._path.parent.iterdir()) == [ring._path]


def test_a_role_may_what_lower_ones_may() -> None:
    allowed = [[role.may(needed) for needed in Role] for role in Role]
    assert allowed == [[True, False, False], [True, True, False], [True, True, True]]
