"""One connector: vehicles come and go, current heats it, wear shows, and at each change it reports."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from edge_agent.simulator import vehicles
from edge_agent.simulator.cabinet import Cabinet, Unit
from edge_agent.simulator.components import Breakdown
from edge_agent.simulator.oddities import SIZES, Oddity, OddityKind, Spell, next_oddity, spell
from edge_agent.simulator.parameters import CONNECTOR_MODES, Mode
from edge_agent.simulator.physics import carried_kw, derating, steady_c
from edge_agent.simulator.sensors import Sensors
from edge_agent.wire.metrics import ConnectorStatus

if TYPE_CHECKING:
    from edge_agent.simulator.sample import Sample
    from edge_agent.simulator.site import World
    from edge_agent.simulator.vehicles import Visit

HOUR_S = 3600.0
TRY_AGAIN_S = 900.0
LEAST_LEFT_S = 1800.0
"""Of a session, for an oddity to begin in it."""
FALSE_CODES = ("OtherError", "WeakSignal", "AuthorizationTimeout", "PilotFault", "HighTemperature")


class Evse(Unit):
    """A connector and its sensors. All times are seconds since the start of the simulation."""

    def __init__(self, world: World, cabinet: Cabinet, connector_id: int, rated_kw: float) -> None:
        super().__init__(world, (cabinet.charger_id, connector_id), CONNECTOR_MODES, cabinet.gain)
        rng, sensing = world.rng, world.parameters.sensing
        self.cabinet = cabinet
        self.rated_kw = rated_kw
        self.visit: Visit | None = None
        self.status = ConnectorStatus.AVAILABLE
        self.power_kw = 0.0
        self.temperature_c = world.ambient_c(0)
        self.last_kwh = 0.0
        self.register_kwh = float(rng.uniform(0, 30_000))
        self.sessions = int(rng.integers(0, 3000))
        self.derated = 0
        self.codes: tuple[str, ...] = ()
        self.spell: Spell | None = None
        self.sensors = Sensors(world)
        self._failed_in_a_row = 0
        self._usage_gain = 1.0
        self.timers["report"] = float(rng.uniform(0, sensing.interval_s))
        self.stop("done", "unplug", "quiet", "repair", "even")
        self.after("arrive", vehicles.next_arrival_s(world, 0.0))
        self.after("user", world.wait_for(Mode.USER))
        self._plan_oddity()
        self.redraw_code(0.0)
        self._acts = {
            "report": self._on_report,
            "arrive": self._on_arrive,
            "done": self._on_done,
            "unplug": self._on_unplug,
            "wear": self.on_wear,
            "repair": self.on_repair,
            "code": self._on_code,
            "quiet": self._on_quiet,
            "user": self._on_user,
            "odd": self._on_odd,
            "even": self._on_even,
        }

    def act(self) -> list[Sample]:
        timer = min(self.timers, key=self.timers.__getitem__)
        self._move_to(self.timers[timer])
        told = self._acts[timer]()
        self._settle()
        return self._told() if told else []

    def report_at(self, at_s: float) -> list[Sample]:
        """Move on to the moment and tell what is measured; nothing where silent or lost."""
        self.notice_at(at_s)
        return self._told()

    def notice_at(self, at_s: float) -> None:
        """Move on to the moment, and let what holds then have its effect."""
        self._move_to(at_s)
        self._settle()

    def begin(self, visit: Visit) -> None:
        """Plug a vehicle in."""
        self.visit = visit
        self.status = ConnectorStatus.CHARGING
        self.sessions += 1
        self.stop("unplug")
        self.after("report", self.world.parameters.sensing.charging_interval_s)
        if visit.failed:
            self.after("done", self.world.parameters.usage.failed_start_s)

    def leave(self) -> None:
        """Let the vehicle go before it is full, if one is there."""
        if self.visit is not None:
            self.last_kwh = self.visit.energy_kwh
        self.visit = None
        self.status = ConnectorStatus.AVAILABLE
        self.stop("done", "unplug")

    def on_wear(self) -> bool:
        told = super().on_wear()
        self.cabinet.redraw_boot(self.now_s)
        self.redraw_code(self.now_s)
        return told

    def on_repair(self) -> bool:
        self.codes, self._failed_in_a_row = (), 0
        return super().on_repair()

    def fail(self, broken: Breakdown, lasting_s: float) -> None:
        super().fail(broken, lasting_s)
        self.leave()

    def _on_report(self) -> bool:
        sensing = self.world.parameters.sensing
        charging = self.visit is not None
        self.after("report", sensing.charging_interval_s if charging else sensing.interval_s)
        return True

    def _on_arrive(self) -> bool:
        """Let a vehicle come, where the plug is free."""
        self.after("arrive", vehicles.next_arrival_s(self.world, self.now_s, self._usage_gain))
        if self.shown_status() is not ConnectorStatus.AVAILABLE:
            return False
        visit = vehicles.arrival(self.world, self.rated_kw, self.now_s)
        if self.odd(OddityKind.EARLY_TAPER):
            visit.soc = max(visit.soc, self.odd(OddityKind.EARLY_TAPER))
            visit.wanted_kwh = min(visit.wanted_kwh, visit.battery_kwh * (100 - visit.soc) / 100)
        visit.failed = self.cabinet.refuses or self._fails_to_start(visit)
        self._failed_in_a_row = self._failed_in_a_row + 1 if visit.failed else 0
        self.begin(visit)
        return True

    def _fails_to_start(self, visit: Visit) -> bool:
        usage, worn = self.world.parameters.usage, self.parts.severity
        if self._failed_in_a_row >= usage.failed_in_a_row:
            visit.fault = None
            return False
        worst = max(worn[Mode.CONTACTOR], worn[Mode.LOCK], self.cabinet.worn(Mode.PAYMENT))
        return visit.failed or self.world.rng.random() < worst * worst * usage.worn_failed_start_share

    def _on_done(self) -> bool:
        """End the charging; the vehicle stays a while, or tries again where it got nothing."""
        visit, rng = self.visit, self.world.rng
        full = visit is not None and not visit.failed
        self.status = ConnectorStatus.FULLY_CHARGED if full else ConnectorStatus.OCCUPIED
        self.last_kwh = visit.energy_kwh if visit is not None else 0.0
        self.visit = None
        self.stop("done")
        self.after("unplug", vehicles.parked_s(self.world) if full else 60.0)
        if not full and rng.random() < self.world.parameters.usage.retry_share:
            self.after("arrive", 120.0)
        return True

    def _on_unplug(self) -> bool:
        self.status = ConnectorStatus.AVAILABLE
        self.stop("unplug")
        return True

    def _on_user(self) -> bool:
        """Let somebody press the emergency stop, and leave it pressed."""
        self.after("user", self.world.wait_for(Mode.USER))
        self.fail(Breakdown(Mode.USER, announced=False), self.world.lasting_s())
        return self.outage is Mode.USER

    def _on_code(self) -> bool:
        """Raise a passing code: of the most worn part, or one without a reason."""
        faults, rng = self.world.parameters.faults, self.world.rng
        stages = {**self.parts.severity, **{m: self.cabinet.worn(m) for m in self.cabinet.parts.stage}}
        worst = max(stages, key=stages.__getitem__)
        warning = faults.wear[worst].warning if stages[worst] else None
        self.codes = (warning or FALSE_CODES[int(rng.integers(len(FALSE_CODES)))],)
        self.after("quiet", float(rng.exponential(60 * faults.code_minutes)))
        self.redraw_code(self.now_s)
        return True

    def _on_quiet(self) -> bool:
        self.codes = ()
        self.stop("quiet")
        return True

    def redraw_code(self, at_s: float) -> None:
        """Draw the next passing code anew: wear has changed its rate."""
        faults = self.world.parameters.faults
        worst = max(*self.parts.severity.values(), *self.cabinet.parts.severity.values())
        rate = faults.false_codes_per_day + worst**2 * faults.codes_per_day + self.odd(OddityKind.CODE_BURST)
        self.timers["code"] = at_s + self.world.wait_s(rate)

    def _on_odd(self) -> bool:
        """Let an oddity begin; where it would not be seen now, later."""
        kind, visit = self._odd_next, self.visit
        if kind is None:
            return False
        left_s = (
            (visit.wanted_kwh - visit.energy_kwh) / self.power_kw * HOUR_S if visit and self.power_kw else 0
        )
        if self._out() or self.cabinet.silent or (SIZES[kind].charging and left_s < LEAST_LEFT_S):
            self.after("odd", TRY_AGAIN_S)
            return False
        self.spell = spell(self.world, kind, self.now_s)
        self.timers["odd"], self.timers["even"] = math.inf, self.spell.until_s
        span = (self.world.moment(self.now_s), self.world.moment(self.spell.until_s))
        self.world.oddities.append(Oddity(self.charger_id, self.connector_id, kind, *span))
        if kind is OddityKind.FIRMWARE_UPDATE:
            self.cabinet.firmware += "+1"
            self.cabinet.booted_s = self.now_s
        self._usage_gain = self.odd(OddityKind.USAGE_PATTERN) or 1.0
        self.redraw_code(self.now_s)
        return True

    def _on_even(self) -> bool:
        self.spell, self._usage_gain = None, 1.0
        self.stop("even")
        self._plan_oddity()
        self.redraw_code(self.now_s)
        return True

    def _plan_oddity(self) -> None:
        wait, self._odd_next = next_oddity(self.world, thermometer=self.sensors.thermometer)
        self.after("odd", wait)

    def odd(self, kind: OddityKind) -> float:
        """Return the size of an oddity of this kind; 0 where none is going on."""
        return self.spell.size(kind, self.now_s) if self.spell is not None else 0.0

    def ambient_c(self) -> float:
        """Return the temperature of the air about it."""
        return self.world.ambient_c(self.now_s) + self.odd(OddityKind.COLD)

    def _move_to(self, at_s: float) -> None:
        """Let time pass with the present power: energy is delivered and heat flows."""
        passed = max(at_s - self.now_s, 0.0)
        self.now_s = at_s
        constant = self.world.parameters.heat.time_constant_s * (1 + self.cabinet.worn(Mode.COOLING))
        steady = steady_c(self)
        self.temperature_c = steady + (self.temperature_c - steady) * math.exp(-passed / constant)
        visit = self.visit
        if visit is not None:
            energy = self.power_kw * passed / HOUR_S
            visit.energy_kwh += energy
            visit.soc = min(visit.soc + 100 * energy / visit.battery_kwh, 100.0)
            self.register_kwh += energy

    def _settle(self) -> None:
        """Set derating, power and the end of charging to what now holds."""
        heat = self.world.parameters.heat
        if self.temperature_c >= heat.derate_c or self.derated:
            self.derated = derating(heat, self.temperature_c, self.derated)
        if self.visit is not None and (self._out() or self.world.trouble is Mode.SITE_POWER):
            self.leave()
        visit = self.visit
        if visit is None or visit.failed:
            self.power_kw = 0.0
            return
        if self.temperature_c >= heat.trip_c:
            self.after("done", 1.0)
            return
        self.power_kw = carried_kw(self, visit)
        left = max(visit.wanted_kwh - visit.energy_kwh, 0.0)
        self.after("done", left / self.power_kw * HOUR_S + 1 if self.power_kw else math.inf)

    def _out(self) -> bool:
        return self.outage is not None or self.cabinet.faulted is not None

    def shown_status(self) -> ConnectorStatus:
        """Return what it says of itself."""
        if not self._out():
            return self.status
        planned = self.outage is None and self.cabinet.outage is Mode.PLANNED
        return ConnectorStatus.UNAVAILABLE if planned else ConnectorStatus.FAULTY

    def shown_codes(self) -> tuple[str, ...]:
        """Return the codes that it tells."""
        broken = self.outage or self.cabinet.faulted
        hot = self.derated > 1
        fault = self.visit.fault if self.visit is not None else None
        if not (broken or hot or fault):
            return self.codes
        wear = self.world.parameters.faults.wear
        latched = wear[broken].code if broken in wear else "EmergencyStop" if broken is Mode.USER else None
        told = (latched, "HighTemperature" if hot else None, fault, *self.codes)
        return tuple(dict.fromkeys(code for code in told if code))

    def _told(self) -> list[Sample]:
        if self.cabinet.silent:
            return []
        sensing = self.world.parameters.sensing
        lost = sensing.lost_share + self.cabinet.worn(Mode.NETWORK) * sensing.worn_lost_share
        return [] if self.world.rng.random() < lost else [self.sensors.sample(self)]
