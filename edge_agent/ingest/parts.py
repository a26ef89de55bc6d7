"""What the pipeline thread works with, how it is wanted to work, and what it lets others see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edge_agent.core.downtime import FAILURE_AFTER
from edge_agent.wire.types import EvseId

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from edge_agent.clock import Clock
    from edge_agent.core.judgement import Judgement
    from edge_agent.core.pipeline import Site
    from edge_agent.core.silence import Patience
    from edge_agent.core.telling import Which
    from edge_agent.core.terms import Terms
    from edge_agent.ingest.inbox import Inbox
    from edge_agent.ingest.publisher import Publisher
    from edge_agent.ports import Broker, Store
    from edge_agent.shelf import Shelf
    from edge_agent.sources.registry import Registry
    from edge_agent.wire.answers import MaintenanceAnswer


@dataclass(frozen=True, slots=True)
class View:
    """All that other threads may look at. Replaced whole after a commit, never changed."""

    site: Site
    latest: Mapping[EvseId, Judgement] = field(default_factory=dict)
    suggestions: Mapping[str, MaintenanceAnswer] = field(default_factory=dict)
    listening_since: datetime | None = None
    watch_only: bool = False
    drift: Mapping[str, Any] = field(default_factory=dict)
    """How far the failure model's inputs lie from those of its training."""
    deaf_since: datetime | None = None
    """Since when nothing can be heard, where something was before."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the pipeline thread works with."""

    inbox: Inbox
    store: Store
    broker: Broker
    registry: Registry
    shelf: Shelf
    publisher: Publisher
    clock: Clock


@dataclass(frozen=True, slots=True)
class Manners:
    """How the operator wants it to work."""

    commit_s: float
    patience: Patience
    terms: Terms
    failure_after: timedelta = FAILURE_AFTER
    which_readings: Which = "none"
    """Which readings go up."""
    endpoint: bool = False
    """Whether chargers are heard by our own endpoint too."""
