"""One-time codes: each becomes one gateway's token, however often that gateway asks."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from cloud_sync.central import tokens
from cloud_sync.central.codes import EXPIRED, UNKNOWN, USED_UP, CodeBook
from cloud_sync.central.tokens import TokenBook
from cloud_sync.cli import main
from edge_agent.errors import ConfigError
from edge_agent.wire.enrolment import Enrolment, EnrolmentRequest
from tests.cloud_sync.making import NOW

TOKENS = ("a-token-of-its-own", "another-gateways-token")
DAY = timedelta(days=1)
PLACE = Enrolment(site_id="site-1", gateway_id="gw-1", tenant_id="t-1")


def hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()


class Books:
    """Codes, and the tokens that they become."""

    def __init__(self, folder: Path) -> None:
        self.tokens = folder / "tokens.json"
        self.path = folder / "codes.json"
        self.book = CodeBook(self.path, self.tokens)

    def add(self) -> str:
        return self.book.add("site-1", "gw-1", "t-1", NOW + DAY)

    def redeem(self, code: str, token: str = TOKENS[0], late: timedelta = timedelta()) -> object:
        return self.book.redeem(EnrolmentRequest(code=code, token_sha256=hashed(token)), NOW + late)


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path)


def test_the_first_token_that_comes_with_a_code_has_its_place(books: Books) -> None:
    assert books.redeem(books.add()) == PLACE
    found = TokenBook(books.tokens).find(TOKENS[0])
    assert found is not None
    assert (found.site_id, found.gateway_id, found.tenant_id) == ("site-1", "gw-1", "t-1")


def test_the_same_gateway_is_answered_the_same_again_even_once_the_code_has_expired(books: Books) -> None:
    code = books.add()
    assert books.redeem(code) == books.redeem(code) == books.redeem(code, late=2 * DAY) == PLACE
    assert len(json.loads(books.tokens.read_bytes())) == 1


def test_another_gateway_is_refused(books: Books) -> None:
    code = books.add()
    books.redeem(code)
    assert books.redeem(code, TOKENS[1]) == USED_UP
    assert TokenBook(books.tokens).find(TOKENS[1]) is None


def test_of_many_that_come_at_once_one_has_it(books: Books) -> None:
    code = books.add()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: books.redeem(code, f"token-{number}"), range(40)))
    assert found.count(PLACE) == 1
    assert len(json.loads(books.tokens.read_bytes())) == 1


def test_a_code_that_nobody_made_or_that_has_expired_is_refused(books: Books) -> None:
    code = books.add()
    assert books.redeem("evz_enrol_of-somebody-else") == UNKNOWN
    assert books.redeem(code, late=2 * DAY) == EXPIRED
    assert not books.tokens.exists()


def test_one_that_was_revoked_is_not_known(books: Books) -> None:
    code = books.add()
    assert books.book.revoke("gw-1") == 1
    assert books.redeem(code) == UNKNOWN


def test_a_power_cut_between_code_and_token_leaves_one_that_asks_again(books: Books) -> None:
    code = books.add()
    books.tokens.mkdir()  # so that no token can be written
    with pytest.raises(ConfigError):
        books.redeem(code)
    books.tokens.rmdir()
    assert books.redeem(code, TOKENS[1]) == USED_UP
    assert books.redeem(code) == PLACE
    assert TokenBook(books.tokens).find(TOKENS[0]) is not None


def test_the_files_hold_no_code_and_no_token(books: Books) -> None:
    code = books.add()
    books.redeem(code)
    text = books.path.read_text() + books.tokens.read_text()
    assert code not in text
    assert TOKENS[0] not in text


def test_tokens_that_are_made_meanwhile_are_kept(books: Books) -> None:
    codes = [books.add() for _ in range(10)]
    with ThreadPoolExecutor(8) as pool:
        made = [pool.submit(tokens.add, books.tokens, "s", f"gw-{number}", None) for number in range(10)]
        done = list(pool.map(lambda code: books.redeem(code, f"token of {code}"), codes))
        assert all(each.result() for each in made)
    assert done == [PLACE] * 10
    assert len(json.loads(books.tokens.read_bytes())) == 20


def test_the_command_line_makes_lists_and_revokes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUD_SYNC__INGEST__TOKENS_FILE", str(tmp_path / "tokens.json"))
    assert main(["codes", "add", "site-1", "gw-1", "--days", "7"]) == 0
    code = capsys.readouterr().out.strip()
    assert main(["codes", "list"]) == 0
    listed = capsys.readouterr().out
    assert listed.split()[:3] == ["gw-1", "site-1", "until"]
    assert code not in listed
    assert main(["codes", "revoke", "gw-1"]) == 0
    assert capsys.readouterr().out == "1 codes revoked\n"
    assert main(["codes", "add", "no site", "gw-1"]) == 1
    assert "site_id" in capsys.readouterr().err
