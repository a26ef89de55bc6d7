"""Readings of every sort, for properties."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from edge_agent.wire.metrics import ConnectorStatus, Metrics, Quantities
from edge_agent.wire.reading import Event, Reading, Source
from tests.core.making import NOON

amounts = st.floats(0, 100) | st.sampled_from([0.0, 0.1, 1e12])
temperatures = st.floats(-60, 150) | st.sampled_from([25.0, 46.9, 47.0, 50.0, 60.0])
codes = st.lists(
    st.sampled_from(["WeakSignal", "CutCable", "EmergencyStop", "CX008", "Ω\u0000\u202e"])
    | st.text(min_size=1, max_size=8),
    max_size=4,
).map(tuple)
years = st.sampled_from([1, 1970, 2020, 2024, 2025, 2026, 9999])
moments = st.builds(lambda year: datetime(year, 1, 1, tzinfo=UTC), years)
statuses = st.sampled_from(list(ConnectorStatus))
fields: dict[str, st.SearchStrategy[object]] = {
    "energy_delivered": amounts,
    "power": amounts,
    "temperature": temperatures,
    "error_codes": codes,
    "uptime_hours": amounts,
    "total_sessions": st.integers(0, 2**53),
    "last_maintenance": moments,
    "power_limit": amounts,
    "soc": st.floats(0, 100),
    "vendor": st.text(max_size=4),
    "metadata": st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
}
quantities = st.fixed_dictionaries(
    {}, optional={"connector_status": statuses, **{name: st.none() | each for name, each in fields.items()}}
)
whole = st.builds(
    lambda status, rest: Metrics.model_validate({**rest, "connector_status": status}), statuses, quantities
)
partial = quantities.map(Quantities.model_validate)
names = st.none() | st.sampled_from(["1", "2", "3"])


@st.composite
def histories(draw: Callable[..., object], most: int = 12, connectors: int = 3) -> list[Reading]:
    """Return readings in the order in which they came, of two chargers, measured whenever."""
    received = NOON
    history: list[Reading] = []
    for _ in range(draw(st.integers(1, most))):  # type: ignore[call-overload]
        received += timedelta(seconds=draw(st.sampled_from([0, 0.5, 1, 10, 61, 4000])))  # type: ignore[arg-type]
        measured = draw(st.none() | moments | st.sampled_from([-3600, -5, 0, 3, 299, 301]))
        if isinstance(measured, int):
            measured = received + timedelta(seconds=measured)
        reading = draw(
            st.builds(
                Reading,
                charger_id=st.sampled_from(["A", "B"]),
                connector_id=st.none() | st.integers(0, connectors - 1),
                metrics=whole | partial,
                received_at=st.just(received),
                source=st.sampled_from(list(Source)),
                measured_at=st.just(measured),
                event=st.none() | st.sampled_from(list(Event)),
                register_kwh=st.none() | st.floats(0, 1e6),
                transaction_id=names,
                call_id=names,
                tenant_id=st.none() | st.just("t"),
                raised=codes,
                cleared=codes,
                retained=st.booleans(),
                burst=st.booleans(),
            )
        )
        assert isinstance(reading, Reading)
        history.append(reading)
    return history
