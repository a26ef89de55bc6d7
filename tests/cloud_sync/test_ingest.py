"""The ingest: who sends is known from the token alone, and nothing that comes can harm it."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.central import tokens
from cloud_sync.central.envelope import DEAD_LETTERS, Arrived, arrived
from cloud_sync.central.ingest import MOST_BYTES, MOST_COMPRESSED, create_app
from cloud_sync.central.tokens import TokenBook
from edge_agent.wire.outbox import RecordType
from tests.cloud_sync.making import FAILURE, FakeMessages, a_book, batch, client, post, record, settings

Asking = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]


class Central:
    """An ingest over messages in memory."""

    def __init__(self, folder: Path, **changed: Any) -> None:
        self.messages = FakeMessages()
        self.path, self.token, self.other = a_book(folder)
        self.app = create_app(self.messages, TokenBook(self.path), settings(**changed))

    def ask(self, asking: Asking, token: str | None = "ours") -> httpx.Response:
        async def asked() -> httpx.Response:
            async with client(self.app, self.token if token == "ours" else token) as http:
                return await asking(http)

        return asyncio.run(asked())

    def post(self, body: object, token: str | None = "ours", **headers: str) -> httpx.Response:
        return self.ask(lambda http: post(http, body, **headers), token)

    def kept(self) -> list[Arrived]:
        found = [arrived(message.headers, message.value) for message in self.messages.kept]
        assert all(isinstance(each, Arrived) for each in found)
        return found  # type: ignore[return-value] # as just seen


@pytest.fixture
def central(tmp_path: Path) -> Central:
    return Central(tmp_path)


def test_a_batch_is_kept_and_acknowledged_under_the_gateway_s_own_name(central: Central) -> None:
    answer = central.post(batch(record(7), record(8)))
    assert (answer.status_code, answer.json()) == (200, {"acked_seq": 8, "rejected": []})
    first, _ = central.kept()
    assert (first.site_id, first.gateway_id, first.tenant_id) == ("site-1", "gw-1", "tenant-1")
    assert (first.epoch, first.stream, first.seq) == ("e1", "answers", 7)
    assert first.value == {**FAILURE, "tenant_id": "tenant-1"}
    message = central.messages.kept[0]
    assert (message.topic, message.key) == ("ml.predictions", b"site-1/CHG_001")
    assert dict(message.headers)["event_id"] == b"gw-1/e1/answers/7"


def test_every_type_of_record_has_its_topic(central: Central) -> None:
    kinds = list(RecordType)
    told = [record(seq, type=kind.value, charger_id="CHG_001") for seq, kind in enumerate(kinds, 1)]
    assert central.post(batch(*told)).json()["rejected"] == []
    assert {message.topic for message in central.messages.kept} == {
        "charger.metrics",
        "ml.predictions",
        "charger.anomalies",
        "charger.failure_alerts",
        "charger.maintenance",
        "charger.service",
        "edge.gateways",
    }


@pytest.mark.parametrize("token", [None, "", "evzgw_wrong", "x" * 10_000])
def test_nobody_without_a_token_gets_in(central: Central, token: str | None) -> None:
    assert central.post(batch(record(1)), token).status_code == 401
    assert central.messages.kept == []


def test_tokens_are_added_and_revoked_without_a_restart(central: Central) -> None:
    added = tokens.add(central.path, "site-3", "gw-3", None)
    assert central.post(batch(record(1)), added).status_code == 200
    assert tokens.revoke(central.path, "gw-3") == 1
    assert central.post(batch(record(2)), added).status_code == 401
    assert added not in central.path.read_text()
    central.path.write_text("damaged")
    assert central.post(batch(record(3))).status_code == 200, "a damaged file leaves things as they were"


# A hostile gateway with a valid token


def test_it_cannot_speak_for_another_site_or_tenant_or_charger(central: Central) -> None:
    lies = {"site_id": "site-2", "gateway_id": "gw-2", "tenant_id": "tenant-2"}
    body = {
        **batch(
            record(1, payload={**FAILURE, **lies}), record(2, payload={**FAILURE, "charger_id": "OTHER"})
        ),
        **lies,
    }
    answer = central.post(body).json()
    assert [each["seq"] for each in answer["rejected"]] == [2]
    assert {each.site_id for each in central.kept()} == {"site-1"}
    assert {each.gateway_id for each in central.kept()} == {"gw-1"}
    assert central.kept()[0].value["tenant_id"] == "tenant-1"


def test_its_bombs_are_not_unpacked(central: Central) -> None:
    bomb = gzip.compress(b" " * (MOST_BYTES + 1))
    assert len(bomb) < 10_000
    assert central.post(bomb).status_code == 413
    assert central.post(b"x" * (MOST_COMPRESSED + 1)).status_code == 413


def test_its_depths_are_not_gone_into(central: Central) -> None:
    deep = ("[" * 100_000 + "]" * 100_000).encode()
    assert central.post(gzip.compress(deep)).status_code == 422


@pytest.mark.parametrize("place", range(15))
def test_its_forged_numbers_and_broken_bodies_are_refused(central: Central, place: int) -> None:
    bodies: list[object] = [
        b"",
        b"no gzip",
        gzip.compress(b"no json"),
        gzip.compress(b"{}"),
        gzip.compress(json.dumps(batch(record(1))).encode())[:-9],
        batch(),
        batch(record(5), record(5)),
        batch(record(5), record(4)),
        batch(record(5), first_seq=4),
        batch(record(0)),
        batch(record(2**63)),
        batch(record(1), epoch="a/b"),
        batch(record(1), stream="other"),
        batch(*[record(seq) for seq in range(1, 502)]),
        batch(record(1, ts="never")),
    ]
    answer = central.post(bodies[place])
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert central.messages.kept == []


@pytest.mark.parametrize(
    "poison",
    [
        {"type": "unknown"},
        {"payload": [1]},
        {"payload": None},
        {"charger_id": "a/b"},
        {"charger_id": "x" * 200},
    ],
    ids=str,
)
def test_a_poor_record_is_a_dead_letter_and_stops_nothing(central: Central, poison: dict[str, Any]) -> None:
    answer = central.post(batch(record(1), record(2, **poison), record(3))).json()
    assert answer["acked_seq"] == 3
    assert [each["seq"] for each in answer["rejected"]] == [2]
    dead = central.messages.kept[1]
    assert dead.topic == DEAD_LETTERS
    assert json.loads(dead.value)["reason"] == answer["rejected"][0]["reason"]


def test_its_replays_bear_the_same_event_id_and_so_are_no_second_row(central: Central) -> None:
    for _ in range(2):
        central.post(batch(record(1)))
    first, again = central.messages.kept
    assert first == again


def test_its_floods_are_held_back_and_nobody_else_is(tmp_path: Path) -> None:
    central = Central(tmp_path, batches_per_second=1.0)

    async def flood(http: httpx.AsyncClient) -> httpx.Response:
        answers = [await post(http, batch(record(seq))) for seq in range(1, 20)]
        return answers[-1]

    answer = central.ask(flood)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert central.post(batch(record(1)), central.other).status_code == 200


# Under pressure


def test_where_kafka_keeps_a_part_only_that_part_is_acknowledged(central: Central) -> None:
    central.messages.fails = 2
    assert central.post(batch(record(1), record(2), record(3))).json()["acked_seq"] == 2
    central.messages.fails = 0
    answer = central.post(batch(record(3)))
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


def test_where_there_is_no_room_the_gateway_is_told_when_to_come_again(central: Central) -> None:
    central.messages.full = True
    answer = central.post(batch(record(1)))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_more_batches_at_once_than_it_may_keep_are_put_off(tmp_path: Path) -> None:
    central = Central(tmp_path, most_batches=1)

    async def both(http: httpx.AsyncClient) -> httpx.Response:
        answers = await asyncio.gather(*(post(http, batch(record(seq))) for seq in (1, 2)))
        return max(answers, key=lambda answer: answer.status_code)

    assert central.ask(both).status_code == 503


def test_health_and_figures_are_shown(central: Central) -> None:
    central.post(batch(record(1), record(2, type="unknown")))
    assert central.ask(lambda http: http.get("/health")).json()["status"] == "healthy"
    shown = central.ask(lambda http: http.get("/metrics")).text
    assert 'ingest_records_total{outcome="kept"} 1.0' in shown
    assert 'ingest_records_total{outcome="dead"} 1.0' in shown


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(payload=JSON, kind=st.sampled_from([*RecordType, "x"]), charger=st.text(max_size=40))
def test_any_record_is_a_message_or_a_dead_letter(
    tmp_path_factory: pytest.TempPathFactory, payload: object, kind: str, charger: str
) -> None:
    central = Central(tmp_path_factory.mktemp("any"))
    answer = central.post(batch(record(1, payload=payload, type=str(kind), charger_id=charger)))
    assert answer.status_code in {200, 422}
    assert answer.status_code == 422 or len(central.messages.kept) == 1


# Enrolment; what becomes of a code is in test_codes.py


def test_a_code_that_nobody_made_is_refused(tmp_path: Path) -> None:
    central = Central(tmp_path, tokens_file=tmp_path / "tokens.json")
    asked = {"code": "evz_enrol_nobody-made-this", "token_sha256": "0" * 64}
    answer = central.ask(lambda http: http.post("/v1/enrol", json=asked), None)
    assert answer.status_code == 403
    assert "ask for a new code" in answer.json()["detail"]


def test_what_is_no_question_for_a_place_is_told_why(tmp_path: Path) -> None:
    central = Central(tmp_path, tokens_file=tmp_path / "tokens.json")
    answer = central.ask(lambda http: http.post("/v1/enrol", json={"code": "x"}), None)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("code: ")


def test_while_codes_cannot_be_used_up_a_gateway_is_asked_for_patience(tmp_path: Path) -> None:
    central = Central(tmp_path, tokens_file=tmp_path / "tokens.json")
    (tmp_path / "codes.json").write_text("no list of codes")
    asked = {"code": "evz_enrol_nobody-made-this", "token_sha256": "0" * 64}
    answer = central.ask(lambda http: http.post("/v1/enrol", json=asked), None)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
