"""What an EVSE can measure, and what its sensors make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.simulator.oddities import OddityKind
from edge_agent.simulator.physics import limit_kw
from edge_agent.simulator.sample import Sample

if TYPE_CHECKING:
    from edge_agent.simulator.evse import Evse
    from edge_agent.simulator.site import World

HOUR_S = 3600.0
POWER_NOISE = 0.01


class Sensors:
    """The sensors of one EVSE: which it has, how coarse they are, and how an oddity falsifies them."""

    def __init__(self, world: World) -> None:
        rng, sensing = world.rng, world.parameters.sensing
        self.thermometer = bool(rng.random() >= sensing.no_temperature_share)
        self._knows_soc = rng.random() >= sensing.no_soc_share
        self._keeps_dates = rng.random() >= sensing.no_maintenance_share
        self._tells_request = rng.random() >= sensing.no_request_share
        self._coarse = rng.random() < sensing.coarse_share
        self._noise_c = world.parameters.heat.sensor_noise_c
        self._stuck_kw: float | None = None

    def sample(self, evse: Evse) -> Sample:
        """Return what is measured now."""
        at_s, visit, world = evse.now_s, evse.visit, evse.world
        noise_kw, noise_c = world.rng.standard_normal(2).tolist()
        ambient = evse.ambient_c()
        taper = world.kind.taper
        energy = visit.energy_kwh if visit else evse.last_kwh
        maintained = max(evse.maintained_s, evse.cabinet.maintained_s)
        return Sample(
            charger_id=evse.charger_id,
            connector_id=evse.connector_id,
            at_s=at_s,
            status=evse.shown_status(),
            energy_kwh=float(round(energy)) if self._coarse else energy,
            register_kwh=evse.register_kwh,
            power_kw=self._power_kw(evse, noise_kw),
            codes=evse.shown_codes(),
            uptime_hours=(at_s - evse.cabinet.booted_s) / HOUR_S,
            total_sessions=evse.sessions,
            rated_kw=evse.rated_kw,
            limit_kw=limit_kw(evse),
            requested_kw=visit.request_kw(taper) if visit and self._tells_request else None,
            soc=visit.soc if visit and self._knows_soc else None,
            temperature_c=self._temperature_c(evse, noise_c) if self.thermometer else None,
            ambient_c=ambient,
            maintained_s=maintained if self._keeps_dates else None,
            firmware=evse.cabinet.firmware,
        )

    def _power_kw(self, evse: Evse, noise: float) -> float:
        shown = max(evse.power_kw * (1 + POWER_NOISE * noise), 0.0)
        if evse.odd(OddityKind.STUCK_POWER):
            self._stuck_kw = shown if self._stuck_kw is None else self._stuck_kw
            shown = self._stuck_kw
        else:
            self._stuck_kw = None
        if evse.odd(OddityKind.ENERGY_WITHOUT_POWER):
            shown = 0.0
        return round(shown, 1) if self._coarse else shown

    def _temperature_c(self, evse: Evse, noise: float) -> float:
        shown = evse.temperature_c + noise * self._noise_c
        if evse.spell is not None:
            shown += evse.odd(OddityKind.SENSOR_JUMP) + evse.odd(OddityKind.SENSOR_DRIFT)
            shown += evse.odd(OddityKind.OVER_TEMPERATURE) if evse.power_kw else 0.0
        return float(round(shown)) if self._coarse else shown
