"""Heat and power of a connector, by what its parts are worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.simulator.oddities import OddityKind
from edge_agent.simulator.parameters import Mode

if TYPE_CHECKING:
    from edge_agent.simulator.evse import Evse
    from edge_agent.simulator.parameters import HeatParameters
    from edge_agent.simulator.vehicles import Visit


def steady_c(evse: Evse) -> float:
    """Return where the temperature goes at the present power.

    The losses are those of a resistance, so they rise with the square of the current (I²R), and so with the
    power's at a steady voltage; worn contacts have more of it, and dead fans let the same losses heat more.
    """
    ambient = evse.ambient_c()
    if not evse.power_kw:
        return ambient
    heat = evse.world.parameters.heat
    load = evse.power_kw / evse.rated_kw
    worn = heat.resistance_gain * evse.parts.severity[Mode.CONNECTOR] + evse.odd(
        OddityKind.CONTACT_RESISTANCE
    )
    rise = heat.rise_c * load * load * (1 + worn)
    return ambient + rise * (1 + heat.cooling_gain * evse.cabinet.worn(Mode.COOLING))


def limit_kw(evse: Evse) -> float:
    """Return what the site allows now."""
    world, usage = evse.world, evse.world.parameters.usage
    first, last = usage.curtailed_hours
    curtailed = world.curtailed and first <= world.hour(evse.now_s) < last
    limit = evse.rated_kw * (usage.curtailed_share if curtailed else 1.0)
    return limit * (1 - evse.odd(OddityKind.CURTAILMENT))


def carried_kw(evse: Evse, visit: Visit) -> float:
    """Return the power that flows: the least of request, limit and what the module can, less derating."""
    usage, heat = evse.world.parameters.usage, evse.world.parameters.heat
    lost = usage.worn_power_loss * evse.parts.severity[Mode.POWER_MODULE] + evse.odd(OddityKind.MODULE_FADE)
    able = evse.rated_kw * max(1 - lost, 0.0)
    power = min(visit.request_kw(evse.world.kind.taper), limit_kw(evse), able)
    return power * heat.derate_share**evse.derated * (1 - evse.odd(OddityKind.POWER_DROP))


def derating(heat: HeatParameters, temperature_c: float, steps: int) -> int:
    """Return how many times the power is cut at this temperature; steps: how many times it was until now."""
    over = temperature_c - heat.derate_c
    if over < -heat.recover_c:
        return 0
    return max(steps, int(over >= 0) + int(over >= heat.derate_step_c))
