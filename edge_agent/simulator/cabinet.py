"""What the connectors of one charger share: the box, its parts and its clock of events."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from edge_agent.simulator.components import DAY_S, Breakdown, Components
from edge_agent.simulator.parameters import CABINET_MODES, STAGES, Mode

if TYPE_CHECKING:
    from edge_agent.simulator.evse import Evse
    from edge_agent.simulator.sample import Sample
    from edge_agent.simulator.site import World

FIRMWARES = ("1.4.0", "1.4.1")
"""The sound one, and the one of a bad batch."""


class Unit:
    """Base of cabinet and connector: parts that wear, break and are repaired, by timers."""

    def __init__(self, world: World, where: tuple[str, int], modes: tuple[Mode, ...], gain: float) -> None:
        self.world = world
        self.charger_id, self.connector_id = where
        self.parts = Components(modes, world.parameters.faults, world.rng, gain)
        self.outage: Mode | None = None
        self.maintained_s = -float(world.rng.exponential(180)) * DAY_S
        self.now_s = 0.0
        self.timers = {"wear": self.parts.next_change_s()}

    def next_s(self) -> float:
        return min(self.timers.values())

    def after(self, timer: str, seconds: float) -> None:
        """Set a timer, counted from now."""
        self.timers[timer] = self.now_s + seconds

    def stop(self, *timers: str) -> None:
        """Let timers never ring."""
        for timer in timers:
            self.timers[timer] = math.inf

    def on_wear(self) -> bool:
        """Let a part change. Returns whether anybody could tell from outside."""
        self.parts.now_s = self.now_s
        broken = self.parts.change()
        if broken is not None:
            self.fail(broken, self.parts.repair_days() * DAY_S)
        self.after("wear", self.parts.next_change_s())
        return broken is not None

    def fail(self, broken: Breakdown, lasting_s: float) -> None:
        """Go out of service for so long.

        A second breakdown of a part during the outage is mended with the first; an outage for another
        cause gives way to it.
        """
        if self.outage is not None and (self._is_part(self.outage) or not self._is_part(broken.mode)):
            return
        self.outage = broken.mode
        self.after("repair", lasting_s)
        self.world.record(self.charger_id, self.connector_id, broken, (self.now_s, self.now_s + lasting_s))

    def on_repair(self) -> bool:
        """Return to service, with every part mended that was broken."""
        if self.outage is not None and self._is_part(self.outage):
            self.parts.now_s = self.now_s
            for mode, stage in self.parts.stage.items():
                if mode is self.outage or stage == STAGES:
                    self.parts.repair(mode)
            self._maintained()
        self.outage = None
        self.stop("repair")
        return True

    def overhaul(self) -> None:
        """Let planned work find and mend some of the worn parts."""
        self.parts.now_s = self.now_s
        for mode, stage in self.parts.stage.items():
            if stage and self.world.rng.random() < self.world.parameters.causes.planned_efficacy:
                self.parts.wear(mode, 0)
        self._maintained()

    def _maintained(self) -> None:
        """Begin anew: the wait for the next change was drawn for parts that were worn."""
        self.maintained_s = self.now_s
        self.after("wear", self.parts.next_change_s())

    def _is_part(self, mode: Mode) -> bool:
        return mode in self.world.parameters.faults.wear


class Cabinet(Unit):
    """The box with fans, modem and terminal. Its failure takes all its connectors down."""

    def __init__(self, world: World, charger_id: str) -> None:
        faults = world.parameters.faults
        in_batch = world.rng.random() < faults.batch_share
        self.firmware = FIRMWARES[in_batch]
        self.gain = faults.batch_gain if in_batch else 1.0
        super().__init__(world, (charger_id, 0), CABINET_MODES, self.gain)
        self.booted_s = -float(world.rng.exponential(30)) * DAY_S
        self.connectors: list[Evse] = []
        self.after("planned", world.wait_for(Mode.PLANNED))
        self.redraw_boot(0.0)

    def act(self) -> list[Sample]:
        timer = min(self.timers, key=self.timers.__getitem__)
        self.now_s = self.timers[timer]
        told = {
            "wear": self.on_wear,
            "repair": self.on_repair,
            "boot": self.on_boot,
            "planned": self.on_planned,
        }[timer]()
        return self._reports() if told else []

    def on_boot(self) -> bool:
        """Restart: uptime counts from here, and now and then all counters do."""
        self.booted_s = self.now_s
        if self.world.rng.random() < self.world.parameters.sensing.reset_share:
            for connector in self.connectors:
                connector.sessions, connector.register_kwh = 0, 0.0
        self.redraw_boot(self.now_s)
        return True

    def on_planned(self) -> bool:
        """Let somebody do planned work."""
        self.after("planned", self.world.wait_for(Mode.PLANNED))
        self.fail(Breakdown(Mode.PLANNED, announced=False), self.world.lasting_s())
        return self.outage is Mode.PLANNED

    def on_wear(self) -> bool:
        told = super().on_wear()
        self.redraw_boot(self.now_s)
        for connector in self.connectors:
            connector.redraw_code(self.now_s)
        return told

    def on_repair(self) -> bool:
        self.booted_s = self.now_s
        if self.outage is Mode.PLANNED:
            for unit in (self, *self.connectors):
                unit.now_s = max(unit.now_s, self.now_s)
                unit.overhaul()
        return super().on_repair()

    def cut_off(self, at_s: float) -> None:
        """Let the connectors know of what befalls the site."""
        for connector in self.connectors:
            connector.notice_at(at_s)

    def back_at(self, at_s: float, restarts: bool) -> list[Sample]:  # noqa: FBT001 - what it is for is plain
        """Go on after what befell the site, with a restart where the power was gone."""
        self.now_s = at_s
        if restarts:
            self.on_boot()
        return self._reports()

    @property
    def silent(self) -> bool:
        """Whether nothing that it says arrives."""
        return self.outage is Mode.NETWORK or self.world.trouble in {Mode.SITE_POWER, Mode.UPLINK}

    @property
    def refuses(self) -> bool:
        """Whether it lets nobody charge, without knowing it."""
        return self.outage is Mode.PAYMENT or self.world.trouble is Mode.BACK_OFFICE

    @property
    def faulted(self) -> Mode | None:
        """What it knows itself to be out of service for."""
        return None if self.outage in {Mode.NETWORK, Mode.PAYMENT} else self.outage

    def worn(self, mode: Mode) -> float:
        """Return how worn a part is, 0 to 1."""
        return self.parts.severity[mode]

    def redraw_boot(self, at_s: float) -> None:
        """Draw the next restart anew: wear has changed its rate. The wait has no memory: that is exact."""
        faults = self.world.parameters.faults
        worn = [
            self.worn(Mode.NETWORK),
            *(each.parts.severity[Mode.POWER_MODULE] for each in self.connectors),
        ]
        rate = faults.boots_per_day + max(worn) * faults.worn_boots_per_day
        self.timers["boot"] = at_s + self.world.wait_s(rate)

    def _reports(self) -> list[Sample]:
        return [sample for connector in self.connectors for sample in connector.report_at(self.now_s)]
