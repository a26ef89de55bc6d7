"""What goes up next, and what an answer means."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.batch import (
    LONGEST_TOLD_S,
    LONGEST_WAIT_S,
    Acked,
    Batch,
    Budget,
    Wait,
    backoff_s,
    next_batch,
    outcome,
)
from edge_agent.wire.outbox import Record, RecordType, Stream
from edge_agent.wire.uplink import MOST_BYTES, MOST_RECORDS, UplinkBatch

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
NOT_YET = (0, 0.5)


def record(seq: int, epoch: str = "e1", payload: str = '{"a": "ü"}') -> Record:
    return Record(
        stream=Stream.ANSWERS,
        seq=seq,
        epoch=epoch,
        type=RecordType.FAILURE,
        charger_id="CHG_001",
        ts=NOW,
        clock="trusted",
        payload=payload,
    )


def batch_of(*seqs: int) -> Batch:
    batch = next_batch([record(seq) for seq in seqs])
    assert batch is not None
    return batch


def test_a_batch_is_what_the_contract_says_and_its_payload_is_not_touched() -> None:
    batch = batch_of(7, 8)
    told = UplinkBatch.model_validate_json(batch.body)
    assert (told.epoch, told.stream, told.first_seq) == ("e1", "answers", 7)
    assert [each.seq for each in told.records] == [7, 8]
    assert told.records[0].payload == {"a": "ü"}
    assert json.loads(batch.body)["records"][0]["ts"] == "2026-03-04T12:00:00Z"


def test_nothing_to_send_is_no_batch() -> None:
    assert next_batch([]) is None


def test_a_batch_ends_where_another_epoch_begins() -> None:
    batch = next_batch([record(1, "e1"), record(2, "e1"), record(3, "e2")])
    assert batch is not None
    assert (batch.last_seq, batch.epoch) == (2, "e1")


@given(st.lists(st.integers(0, 40_000), min_size=1, max_size=600))
def test_no_batch_is_larger_than_the_contract_allows_but_for_one_record_alone(sizes: list[int]) -> None:
    records = [record(seq, payload=json.dumps("x" * size)) for seq, size in enumerate(sizes, 1)]
    batch = next_batch(records)
    assert batch is not None
    count = batch.last_seq - batch.first_seq + 1
    assert 1 <= count <= MOST_RECORDS
    assert len(batch.body) <= MOST_BYTES + 100 or count == 1
    UplinkBatch.model_validate_json(batch.body)


def test_a_batch_may_be_asked_to_be_smaller() -> None:
    batch = next_batch([record(seq) for seq in range(1, 10)], most=3)
    assert batch is not None
    assert batch.last_seq == 3


def answer(acked: int, rejected: str = "[]") -> bytes:
    return f'{{"acked_seq": {acked}, "rejected": {rejected}}}'.encode()


def test_an_acknowledgement_reaches_as_far_as_it_says_and_names_what_could_not_be_read() -> None:
    found = outcome(200, {}, answer(8, '[{"seq": 7, "reason": "no object"}]'), batch_of(7, 8), NOT_YET)
    assert isinstance(found, Acked)
    assert found.through == 8
    assert found.rejected[0].reason == "no object"
    partly = outcome(200, {}, answer(7), batch_of(7, 8), NOT_YET)
    assert isinstance(partly, Acked)
    assert partly.through == 7


@pytest.mark.parametrize("body", [answer(9), answer(2), answer(6), b"", b"<html>", b'{"acked_seq": "x"}'])
def test_an_answer_that_cannot_be_is_no_acknowledgement(body: bytes) -> None:
    assert isinstance(outcome(200, {}, body, batch_of(7, 8), NOT_YET), Wait)


@pytest.mark.parametrize(
    ("status", "told", "least", "most"),
    [
        (503, None, 0.5, 1.0),
        (500, None, 0.5, 1.0),
        (429, "7", 7.0, 8.0),
        (503, "7", 7.0, 8.0),
        (429, "999999", LONGEST_TOLD_S, LONGEST_TOLD_S + 1),
        (429, "Wed, 21 Oct 2026 07:28:00 GMT", 30.0, 61.0),
        (429, "soon", 0.5, 1.0),
        (401, None, 30.0, 60.0),
        (403, None, 30.0, 60.0),
        (302, None, 0.5, 1.0),
    ],
)
def test_retry_after_is_obeyed_and_other_refusals_wait(
    status: int, told: str | None, least: float, most: float
) -> None:
    headers = {} if told is None else {"retry-after": told}
    found = outcome(status, headers, b"", batch_of(1), NOT_YET)
    assert isinstance(found, Wait)
    assert least <= found.seconds <= most


def test_a_batch_that_is_too_large_is_made_smaller_at_once() -> None:
    assert outcome(413, {}, b"", batch_of(1), NOT_YET) == Wait(
        0.0, "the batch is too large for upstream", smaller=True
    )


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_the_wait_grows_and_is_bounded_and_never_the_same_for_all(failures: int, chance: float) -> None:
    assert 0.5 <= backoff_s(failures, chance) <= LONGEST_WAIT_S
    assert backoff_s(failures, 0.0) < backoff_s(failures, 1.0)
    assert backoff_s(failures, chance) <= backoff_s(failures + 1, chance)


def test_a_budget_lets_through_so_many_bytes_a_second_and_saves_up_a_minute() -> None:
    budget = Budget(1000.0)
    assert budget.wait_s(2000, 1.0) == 1.0
    assert budget.wait_s(1000, 3.0) == 0.0
    assert budget.wait_s(60_000, 3600.0) == 0.0
    assert budget.wait_s(1000, 3600.0) == 1.0
    assert Budget(None).wait_s(10**9, 0.0) == 0.0
