"""What a row of each table but `readings` is made of, and back. A round trip gives an equal value again.

What cannot be read back (a newer agent's word, a damaged cell) raises ValueError.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import from_json

from edge_agent.adapters.sqlite.times import microseconds, moment_of
from edge_agent.core import baseline
from edge_agent.core.charger import Charger
from edge_agent.core.signs import Watch
from edge_agent.ports import Delivered, Quarantined
from edge_agent.wire.answers import MaintenanceAnswer, SuggestionState
from edge_agent.wire.metrics import Metrics, Quantities
from edge_agent.wire.outbox import Record, RecordType, Stream

PAYLOAD_KEPT = 4096
"""Bytes of a quarantined payload: enough to see what it is."""
ROW_BYTES = 64
"""What a row of the quarantine takes beside its texts and payload, roughly."""
TEXT_KEPT = 1024
FINISHED = frozenset({SuggestionState.DONE, SuggestionState.REJECTED})
OUTBOX = {stream: f"outbox_{stream.value}" for stream in Stream}
RECORD_TYPES = {kind.value: kind for kind in RecordType}

RECORD_COLUMNS = "seq, epoch, type, charger_id, ts, clock, payload"
SELECT_RECORDS = {
    stream: f"SELECT {RECORD_COLUMNS} FROM {table} WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 - our names
    for stream, table in OUTBOX.items()
}
QUARANTINE_COLUMNS = "at, topic, reason, payload"

_WATCH = TypeAdapter(Watch)
# In a list, for the dataclasses take no configuration of their own: infinity must not become null.
_CHARGERS = TypeAdapter(list[Charger], config=ConfigDict(ser_json_inf_nan="constants"))
_DELIVERED = Struct(">H8s")

Row = tuple[Any, ...]


def packed_chargers(chargers: Iterable[Charger]) -> bytes:
    """Return chargers as the snapshot holds them."""
    return zlib.compress(b"\n".join(map(_charger_line, chargers)), level=1)


def _charger_line(charger: Charger) -> bytes:
    # `now` apart, for which of the two classes it is of does not show in its JSON.
    state = _CHARGERS.dump_json([charger], exclude={0: {"now"}}, exclude_none=True)
    now = charger.now.__pydantic_serializer__.to_json(charger.now, exclude_none=True)
    whole = b"true" if isinstance(charger.now, Metrics) else b"false"
    return b"[%s,%s,%s]" % (state, whole, now)


def unpacked_chargers(packed: bytes) -> Iterator[Charger | None]:
    """Yield the chargers of a snapshot, and None for each that cannot be read.

    Raises: ValueError where the snapshot is damaged as a whole.
    """
    try:
        lines = zlib.decompress(packed).splitlines()
    except zlib.error as error:
        raise ValueError(f"the snapshot is damaged: {error}") from error
    for line in lines:
        try:
            (state,), whole, now = from_json(line)
            state["now"] = _known_now(Metrics if whole else Quantities, now)
            if state.get("baselines", {}).get("version") != baseline.VERSION:
                state.pop("baselines", None)  # they would mean something else
            yield _CHARGERS.validate_python([state])[0]
        except (ValueError, TypeError):
            yield None


def _known_now(kind: type[Quantities], now: dict[str, Any]) -> Quantities:
    """Return the latest known quantities; one beyond what is believed now (an absurd meter) is unknown."""
    try:
        return kind.model_validate(now)
    except ValidationError as error:
        beyond = {fault["loc"][0] for fault in error.errors()}
        return kind.model_validate({name: value for name, value in now.items() if name not in beyond})


def watch_text(watch: Watch) -> str:
    """Return a watch as JSON."""
    return _WATCH.dump_json(watch, exclude_none=True).decode()


def watch_of(text: str) -> Watch:
    """Return the watch of its JSON."""
    return _WATCH.validate_json(text)


def record_row(record: Record) -> Row:
    """Return the row of a record: RECORD_COLUMNS."""
    return (
        record.seq,
        record.epoch,
        record.type.value,
        record.charger_id,
        microseconds(record.ts),
        record.clock,
        record.payload,
    )


def record_of(stream: Stream, row: Row) -> Record:
    """Return the record of a row of RECORD_COLUMNS.

    Nothing is checked: a type that only a newer agent knows must go up as it is, not block the stream.
    """
    seq, epoch, kind, charger_id, ts, clock, payload = row
    known: Any = RECORD_TYPES.get(kind, kind)
    return Record.model_construct(
        stream=stream,
        seq=seq,
        epoch=epoch,
        type=known,
        charger_id=charger_id,
        ts=moment_of(ts),
        clock=clock,
        payload=payload,
    )


def packed_delivered(delivered: Iterable[Delivered]) -> bytes:
    """Return what tells messages again, ten bytes each."""
    return b"".join(_DELIVERED.pack(each.packet_id, each.digest) for each in delivered)


def unpacked_delivered(packed: bytes) -> Iterator[Delivered]:
    """Yield what `packed_delivered` packed."""
    return map(Delivered._make, _DELIVERED.iter_unpack(packed))


def quarantine_rows(quarantined: Iterable[Quarantined], through_bytes: int) -> Iterator[Row]:
    """Yield rows of QUARANTINE_COLUMNS, payload_bytes and through_bytes, which goes on from the one given."""
    for each in quarantined:
        topic, reason, payload = _cut(each.topic), _cut(each.reason), each.payload[:PAYLOAD_KEPT]
        through_bytes += ROW_BYTES + len(topic) + len(reason) + len(payload)
        yield microseconds(each.at), topic, reason, payload, len(each.payload), through_bytes


def _cut(text: str) -> str:
    """Shorten a text, and replace what no UTF-8 can hold: poison must not stick here."""
    return text[:TEXT_KEPT].encode(errors="replace").decode()


def quarantined_of(row: Row) -> Quarantined:
    """Return the quarantined input of a row of QUARANTINE_COLUMNS."""
    at, topic, reason, payload = row
    return Quarantined(moment_of(at), topic, reason, payload)


def suggestion_row(suggestion: MaintenanceAnswer) -> Row:
    """Return the row of a suggestion: id, time, whether it is finished, JSON."""
    return (
        suggestion.suggestion_id,
        microseconds(suggestion.timestamp),
        suggestion.state in FINISHED,
        suggestion.model_dump_json(exclude_none=True),
    )
