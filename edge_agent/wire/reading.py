"""A reading: what one message says of one EVSE, with where and when it came from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from edge_agent.wire.metrics import Quantities
from edge_agent.wire.types import EvseId

EARLIEST_SANE = datetime(2020, 1, 1, tzinfo=UTC)
AHEAD_AT_MOST = timedelta(minutes=5)


class Source(StrEnum):
    """Who said it. `AGENT` is the agent's own finding: silence, or work that a technician logged."""

    METRICS = "metrics"
    OCPP = "ocpp"
    EVEREST = "everest"
    OPENEVSE = "openevse"
    GOE = "goe"
    EVCC = "evcc"
    MAPPED = "mapped"
    AGENT = "agent"


class Event(StrEnum):
    """What happened, where a message tells of an event and not only of a state."""

    BOOT = "boot"
    TRANSACTION_STARTED = "transaction_started"
    TRANSACTION_CONFIRMED = "transaction_confirmed"
    """The back office answered a start: `call_id` now has a `transaction_id` (OCPP 1.6, 4.8)."""
    TRANSACTION_ENDED = "transaction_ended"
    CONNECTED = "connected"
    """A vehicle is plugged in; whether it charges, its transaction tells (the Occupied of OCPP 2.x)."""
    CHARGING_STOPPED = "charging_stopped"
    """It charges no more; whether the vehicle is still there is told apart (evcc)."""
    SITE_SILENT = "site_silent"
    """The agent's finding: it is silent with most of the site, by one cause."""
    MAINTENANCE = "maintenance"
    LINK_OPENED = "link_opened"
    LINK_CLOSED = "link_closed"
    """The charger ended its connection to our endpoint, or is gone."""
    LINK_CUT = "link_cut"
    """It lives and cannot be heard: upstream is away, or we are ending. Deaf is not silent."""
    LAST_WILL = "last_will"
    """A broker found that what speaks for the charger is gone."""


LINK_EVENTS = frozenset({Event.LINK_OPENED, Event.LINK_CLOSED, Event.LINK_CUT, Event.LAST_WILL})
PROVES_NO_LIFE = frozenset({Event.LINK_CLOSED, Event.LAST_WILL})


class Reading(NamedTuple):
    """What one message says of one EVSE.

    metrics: a `Metrics` is a whole measurement and replaces what was known; any other `Quantities`
        is partial (an OCPP frame) and adds to it.
    connector_id: None where only its transaction tells which EVSE it is (OCPP 1.6 StopTransaction).
    measured_at: by the charger's clock; None where it gave none.
    register_kwh: the lifetime energy register, where the source sends that instead of session energy.
    transaction_id, call_id: opaque names by which the source ties events of one transaction together.
    raised, cleared: codes that came or went, where the source tells of each by itself and not of all.
    retained: the broker kept it: it sets state, but proves no life and teaches nothing.
    burst: delivered in a burst after a reconnect: an untimed one counts, but feeds no baseline or alert.
    """

    charger_id: str
    connector_id: int | None
    metrics: Quantities
    received_at: datetime
    source: Source
    measured_at: datetime | None = None
    event: Event | None = None
    register_kwh: float | None = None
    transaction_id: str | None = None
    call_id: str | None = None
    tenant_id: str | None = None
    raised: tuple[str, ...] = ()
    cleared: tuple[str, ...] = ()
    retained: bool = False
    burst: bool = False

    @property
    def at(self) -> datetime:
        """When it was measured by the charger's clock where that is sane, else when it was received."""
        measured = self.measured_at
        if measured is None or measured < EARLIEST_SANE or measured > self.received_at + AHEAD_AT_MOST:
            return self.received_at
        return measured

    @property
    def evse(self) -> EvseId:
        """The EVSE; the cabinet where the message names none."""
        return EvseId(self.charger_id, self.connector_id or 0)
