"""What the tests of the store keep in it: made up, except where hypothesis makes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import strategies as st

from edge_agent.adapters.sqlite import SqliteStore, StoreBounds
from edge_agent.core.charger import Charger, newcomer, observe
from edge_agent.ports import Commit
from edge_agent.wire.metrics import ConnectorStatus, Metrics, Quantities
from edge_agent.wire.outbox import Record, RecordType, Stream
from edge_agent.wire.reading import Event, Reading, Source
from edge_agent.wire.types import EvseId

T0 = datetime(2026, 5, 1, 8, 30, 0, 123456, tzinfo=UTC)
EVSE = EvseId("CHG_001", 1)
BOUNDS = StoreBounds(
    max_bytes=2_000_000_000,
    min_free_bytes=1,
    raw_days=30,
    quarantine_bytes=100_000,
    consumers={"mqtt": (Stream.ALERTS,), "uplink": tuple(Stream)},
)


def opened(path: Path | str, bounds: StoreBounds = BOUNDS) -> SqliteStore:
    return SqliteStore(path, bounds, T0)


def reading(number: int = 0, at: datetime = T0) -> Reading:
    """Return a whole measurement; its energy tells its number."""
    metrics = Metrics(
        charger_id="CHG_001",
        connector_id=1,
        timestamp=at,
        connector_status=ConnectorStatus.CHARGING,
        energy_delivered=float(number),
        power=7.2,
        temperature=35.5,
        error_codes=(),
        uptime_hours=1500.25,
        total_sessions=300,
    )
    return Reading(
        charger_id="CHG_001",
        connector_id=1,
        metrics=metrics,
        received_at=at + timedelta(milliseconds=3),
        source=Source.METRICS,
        measured_at=at,
    )


def readings(numbers: range, at: datetime = T0) -> Commit:
    """Return a commit of readings, ten seconds apart."""
    return Commit(
        readings=[(EVSE, reading(number, at + timedelta(seconds=10 * number))) for number in numbers]
    )


def record(seq: int, stream: Stream = Stream.ALERTS, ts: datetime = T0, payload: str = "{}") -> Record:
    kind = {Stream.ALERTS: RecordType.ALERT, Stream.ANSWERS: RecordType.FAILURE}.get(
        stream, RecordType.READING
    )
    return Record(
        stream=stream,
        seq=seq,
        epoch="e1",
        type=kind,
        charger_id="CHG_001",
        ts=ts,
        clock="trusted",
        payload=payload,
    )


def folded(charger: Charger | None, many: list[Reading]) -> Charger:
    charger = newcomer(EVSE, T0) if charger is None else charger
    for each in many:
        charger = observe(charger, each).charger
    return charger


# -- whatever a decoder may give

TEXTS = st.text(max_size=20)
CODES = st.lists(st.text(min_size=1, max_size=8), max_size=3).map(tuple)
AMOUNTS = st.floats(0, 1e12)
DEGREES = st.floats(-60, 150)
TIMES = st.datetimes(datetime(2019, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - given one
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | AMOUNTS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
FIELDS = {
    "connector_status": st.sampled_from(ConnectorStatus),
    "energy_delivered": AMOUNTS,
    "power": AMOUNTS,
    "temperature": DEGREES,
    "error_codes": CODES,
    "uptime_hours": AMOUNTS,
    "total_sessions": st.integers(0, 2**53),
    "last_maintenance": TIMES,
    "power_limit": AMOUNTS,
    "power_requested": AMOUNTS,
    "rated_power": AMOUNTS,
    "soc": st.floats(0, 100),
    "ambient_temperature": DEGREES,
    "temperatures": st.dictionaries(TEXTS, DEGREES, max_size=3),
    "vendor": TEXTS,
    "model": TEXTS,
    "firmware": TEXTS,
    "metadata": st.dictionaries(TEXTS, JSON, max_size=3),
}
PARTIAL = st.fixed_dictionaries(
    {}, optional={name: st.none() | values for name, values in FIELDS.items()}
).map(Quantities.model_validate)
WHOLE = st.fixed_dictionaries(
    {"connector_status": FIELDS["connector_status"]},
    optional={name: st.none() | values for name, values in FIELDS.items() if name != "connector_status"}
    | {
        "charger_id": st.sampled_from([None, "CHG_001", "CHG_002"]),
        "connector_id": st.sampled_from([0, 1, 2]),
        "timestamp": st.none() | st.just(T0) | TIMES,
    },
).map(Metrics.model_validate)
READING_FIELDS = {
    "charger_id": st.just("CHG_001"),
    "connector_id": st.sampled_from([None, 1]),
    "metrics": WHOLE | PARTIAL,
    "received_at": TIMES,
    "source": st.sampled_from(Source),
    "measured_at": st.none() | st.just(T0) | TIMES,
    "event": st.none() | st.sampled_from(Event),
    "register_kwh": st.none() | st.floats(0, 1e10),
    "transaction_id": st.none() | TEXTS,
    "call_id": st.none() | TEXTS,
    "tenant_id": st.none() | TEXTS,
    "raised": CODES,
    "cleared": CODES,
    "retained": st.booleans(),
    "burst": st.booleans(),
}
READINGS = st.builds(Reading, **READING_FIELDS)
