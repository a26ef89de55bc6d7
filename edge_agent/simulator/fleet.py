"""A site as one stream of messages in order of time, and the truth about its failures beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from edge_agent.simulator.cabinet import Cabinet
from edge_agent.simulator.evse import Evse
from edge_agent.simulator.parameters import Parameters
from edge_agent.simulator.post import delivered
from edge_agent.simulator.schedule import play
from edge_agent.simulator.site import SiteTrouble, World
from edge_agent.simulator.usage import SITE_KINDS, SiteKind
from edge_agent.simulator.voices import Message, MetricsVoice, Ocpp16Voice, Voice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from edge_agent.simulator.components import Components, Failure
    from edge_agent.simulator.oddities import Oddity
    from edge_agent.simulator.sample import Actor
    from edge_agent.wire.types import EvseId


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePlan:
    """What a site is made of.

    chargers: how many. ocpp: how many of them, the last ones, speak OCPP 1.6. start: the simulated time at
    which it begins. time_scale: how fast simulated time will run against the clock that reads the messages;
    stamps in payloads run that much slower, so that at any speed they agree with that clock.
    """

    chargers: int
    start: datetime
    kind: SiteKind = SITE_KINDS["public"]
    ocpp: int = 0
    prefix: str = "CHG"
    time_scale: float = 1.0
    parameters: Parameters = field(default_factory=Parameters)


class Fleet:
    """The chargers of one site. The same plan and seed give the same messages, to the byte."""

    def __init__(self, plan: SitePlan, seed: int | list[int]) -> None:
        self.plan = plan
        self.world = World(plan.parameters, plan.kind, np.random.default_rng(seed), plan.start)
        self.cabinets: list[Cabinet] = []
        self.evses: list[Evse] = []
        self._voices: dict[str, Voice] = {}
        for number in range(1, plan.chargers + 1):
            self._add_charger(f"{plan.prefix}_{number:03d}", speaks_ocpp=number > plan.chargers - plan.ocpp)

    @property
    def failures(self) -> list[Failure]:
        """All outages so far, by the latent state alone, in order of onset. No message tells of them."""
        return self.world.failures

    @property
    def oddities(self) -> list[Oddity]:
        """All anomalies and harmless changes that were put in so far, in order of onset."""
        return self.world.oddities

    def parts(self, evse: EvseId) -> list[Components]:
        """Return the parts whose failure takes an EVSE down: its own and its cabinet's."""
        units = [unit for unit in (*self.cabinets, *self.evses) if unit.charger_id == evse.charger_id]
        return [unit.parts for unit in units if unit.connector_id in {0, evse.connector_id}]

    def messages(self, *others: Actor) -> Iterator[Message]:
        """Yield what the chargers say, endlessly, in order of arrival. `others` act in between (a script)."""
        return delivered(self._said(others), self.plan.parameters.sensing, self.world.rng)

    def _said(self, others: tuple[Actor, ...]) -> Iterator[Message]:
        units: list[Cabinet | Evse] = [*self.cabinets, *self.evses]
        everyone = range(len(units) + len(others) + 1)
        kin: dict[str, list[int]] = {}
        for place, unit in enumerate(units):
            kin.setdefault(unit.charger_id, []).append(place)
        actors = [*units, *others, SiteTrouble(self.world, self.cabinets)]
        touches = [*(kin[unit.charger_id] for unit in units), *([everyone] * (len(others) + 1))]
        for sample in play(actors, touches):
            at = self.world.moment(sample.at_s)
            for kind, payload in self._voices[sample.charger_id].say(sample):
                yield Message(sample.charger_id, kind, payload, at)

    def _add_charger(self, charger_id: str, *, speaks_ocpp: bool) -> None:
        world = self.world
        cabinet = Cabinet(world, charger_id)
        plugs = 2 if world.rng.random() < world.parameters.sensing.two_connector_share else 1
        rated_kw = float(world.rng.choice(world.kind.rated_kw))
        connectors = [Evse(world, cabinet, plug, rated_kw) for plug in range(1, plugs + 1)]
        cabinet.connectors.extend(connectors)
        self.cabinets.append(cabinet)
        self.evses.extend(connectors)
        clock = self._clock(float(world.rng.normal(0, world.parameters.sensing.skew_s)))
        self._voices[charger_id] = Ocpp16Voice(clock) if speaks_ocpp else MetricsVoice(clock)

    def _clock(self, skew_s: float) -> Callable[[float], datetime]:
        """Return a charger's clock; what lies before the start stays where it was."""
        start, scale = self.plan.start + timedelta(seconds=skew_s), self.plan.time_scale
        return lambda at_s: start + timedelta(seconds=at_s / scale if at_s > 0 else at_s)
