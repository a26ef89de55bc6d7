"""Every number of the simulator, each with its source; "assumed" where there is none.

"field" stands for the figures gathered in models/README.md ("The fleet simulator") from published studies of
public charging; "sessions" for real sessions, whose statistics `python -m models.training.calibration` prints
beside the simulator's. `worlds` makes whole worlds of these parts.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from enum import StrEnum

from edge_agent.simulator.usage import SITE_KINDS, SiteKind

STAGES = 4
"""Steps from the first sign of wear to the failure: with four, a precursor varies by half its mean length."""


class Mode(StrEnum):
    """Which part fails, or what else puts an EVSE out of service."""

    CONNECTOR = "connector"
    POWER_MODULE = "power_module"
    CONTACTOR = "contactor"
    LOCK = "lock"
    INSULATION = "insulation"
    COOLING = "cooling"
    NETWORK = "network"
    PAYMENT = "payment"
    VANDALISM = "vandalism"
    SITE_POWER = "site_power"
    BACK_OFFICE = "back_office"
    UPLINK = "uplink"
    PLANNED = "planned"
    USER = "user"


CABINET_MODES = (Mode.COOLING, Mode.NETWORK, Mode.PAYMENT, Mode.VANDALISM)
"""What all connectors of a charger share."""
CONNECTOR_MODES = (Mode.CONNECTOR, Mode.POWER_MODULE, Mode.CONTACTOR, Mode.LOCK, Mode.INSULATION)
SITE_MODES = (Mode.SITE_POWER, Mode.BACK_OFFICE, Mode.UPLINK)
"""What befalls a whole site at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wear:
    """How one part fails.

    share: of all outages by parts. precursor_share: of its failures, those that wear announces; the others
    come from nowhere. days: mean from the first sign to the failure. code: what FAULTY is told with; None
    where the outage is not told. warning: what the worn part now and then tells before. own: whether the
    charger's own part broke (else it is no failure).
    """

    share: float
    precursor_share: float
    days: float
    code: str | None
    warning: str | None
    own: bool = True


def _told(share: float, precursor_share: float, days: float, code: str) -> Wear:
    return Wear(share=share, precursor_share=precursor_share, days=days, code=code, warning=code)


WEAR = {
    # share: field. precursor_share, days: assumed, so that somewhat less than half of all failures come
    # unannounced. Codes: OCPP 1.6 and ChargeX names.
    Mode.CONNECTOR: _told(0.20, 0.85, 14, "HighTemperature"),
    Mode.POWER_MODULE: _told(0.15, 0.80, 10, "PowerSwitchFailure"),
    Mode.COOLING: _told(0.10, 0.90, 14, "HighTemperature"),
    Mode.CONTACTOR: _told(0.08, 0.75, 12, "EVSEContactorFault"),
    Mode.LOCK: _told(0.07, 0.75, 10, "ConnectorLockFailure"),
    Mode.NETWORK: Wear(share=0.25, precursor_share=0.15, days=5, code=None, warning="WeakSignal"),
    Mode.PAYMENT: Wear(share=0.10, precursor_share=0.10, days=5, code=None, warning="ReaderFailure"),
    Mode.INSULATION: _told(0.01, 0.0, 1, "GroundFailure"),
    Mode.VANDALISM: Wear(share=0.04, precursor_share=0, days=1, code="CutCable", warning=None, own=False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultParameters:
    """How often parts break, and how they mend."""

    outages_per_year: float = 1.2  # an EVSE, or a cabinet's share of it; field: 0.5 to 2
    frailty_variance: float = 0.5  # gamma, between units; assumed
    # Share that goes away by itself at each stage; all in all a quarter (field: 20 to 30 %). Early wear mends
    # (a contact reseats), late wear hardly; the spread over the stages is assumed.
    heal: tuple[float, ...] = (0.15, 0.09, 0.03, 0.0)
    repair_median_days: float = 11.0  # field
    repair_sigma: float = 1.027  # lognormal: p90 of 41 days; field
    imperfect_share: float = 0.10  # repairs after which the wear is there again; assumed
    codes_per_day: float = 4.0  # at full wear, growing with its square; assumed
    false_codes_per_day: float = 0.03  # without any wear; assumed
    code_minutes: float = 20.0  # mean life of a passing code; assumed
    boots_per_day: float = 0.02  # without any wear; assumed
    worn_boots_per_day: float = 0.8  # at full wear of power module or network; assumed
    batch_share: float = 0.0  # chargers with a firmware that makes their parts fail more often; assumed
    batch_gain: float = 3.0  # so much more often; assumed
    wear: dict[Mode, Wear] = field(default_factory=lambda: dict(WEAR))

    @property
    def heal_share(self) -> float:
        """Precursors that go away by themselves, of all."""
        return 1 - math.prod(1 - share for share in self.heal)


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseParameters:
    """Outages that no part of the charger causes. All assumed."""

    per_year: dict[Mode, float] = field(  # a site; a charger for planned work; an EVSE for users
        default_factory=lambda: {
            Mode.SITE_POWER: 1.0,
            Mode.BACK_OFFICE: 4.0,
            Mode.UPLINK: 6.0,
            Mode.PLANNED: 0.5,
            Mode.USER: 0.4,  # an emergency stop that nobody has released yet
        }
    )
    median_hours: float = 1.2
    sigma_hours: float = 0.9  # lognormal
    planned_efficacy: float = 0.5  # worn parts that planned work finds and mends
    vehicle_fault_share: float = 0.01  # of sessions, given up for a fault of the vehicle


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatParameters:
    """First-order heat of the connector: losses rise with the square of the current."""

    rise_c: float = 20.0  # above ambient at rated power, healthy; below the 50 K that IEC 62196-1 allows
    time_constant_s: float = 1200.0  # assumed
    resistance_gain: float = 1.5  # extra losses at full wear of the contacts; assumed
    cooling_gain: float = 1.0  # extra rise with the fans dead; assumed
    derate_c: float = 60.0  # from here on the power is cut once; assumed
    derate_step_c: float = 8.0  # so much further it is cut again, and the code told; assumed
    recover_c: float = 5.0  # so much below it is restored; assumed
    derate_share: float = 0.7  # of the power, at each cut; assumed
    trip_c: float = 85.0  # the session ends; assumed
    sensor_noise_c: float = 0.4  # standard deviation; assumed
    mean_c: float = 12.0  # ambient over the year; temperate, assumed
    season_c: float = 10.0  # amplitude over the year; assumed
    daily_c: float = 5.0  # amplitude over the day; assumed
    site_c: float = 3.0  # standard deviation between sites; assumed


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageParameters:
    """Vehicles, and what the site allows them."""

    battery_kwh: float = 65.0  # sessions: 73 at CCS, less elsewhere
    cold_c: float = 5.0  # below, vehicles on DC ask for less; assumed
    cold_loss: float = 0.015  # of the request, a kelvin below; assumed
    worn_failed_start_share: float = 0.6  # at full wear of contactor, lock or terminal; assumed
    failed_in_a_row: int = 2  # an EVSE that is not broken starts at the next attempt: three are a failure
    failed_start_s: float = 120.0  # until the user gives up; assumed
    retry_share: float = 0.6  # users who try again at once; assumed
    worn_power_loss: float = 0.7  # of the rated power, with the power module at full wear; assumed
    curtailed_site_share: float = 0.3  # sites with less power in the evening; assumed
    curtailed_share: float = 0.5  # of the rated power; assumed
    curtailed_hours: tuple[int, int] = (18, 21)  # assumed


@dataclass(frozen=True, slots=True, kw_only=True)
class SensingParameters:
    """What chargers tell, and what gets lost on the way. All shares are assumed."""

    interval_s: float = 10.0  # between reports of an idle EVSE; a change is reported at once besides
    charging_interval_s: float = 10.0  # between reports while a vehicle charges
    lost_share: float = 0.002  # of messages
    worn_lost_share: float = 0.3  # at full wear of the network
    late_share: float = 0.002  # of messages; a late one is overtaken by others
    late_s: float = 600.0  # mean
    twice_share: float = 0.001  # of messages, delivered twice
    skew_s: float = 10.0  # standard deviation of chargers' clocks
    reset_share: float = 0.02  # of boots, after which the counters begin at nought
    coarse_share: float = 0.3  # EVSEs whose meter shows no decimals
    no_temperature_share: float = 0.15  # EVSEs without a sensor
    no_soc_share: float = 0.5  # EVSEs that know no state of charge
    no_maintenance_share: float = 0.4  # EVSEs that keep no maintenance date
    no_request_share: float = 0.4  # EVSEs that do not tell what the vehicle asks for
    two_connector_share: float = 0.3  # chargers


@dataclass(frozen=True, slots=True, kw_only=True)
class OddityParameters:
    """Anomalies put in beside the failures, with their truth, and harmless changes; a year and EVSE. Assumed.

    None in the worlds that failures are foretold in.
    """

    sudden_per_year: float = 0.0
    drifts_per_year: float = 0.0
    harmless_per_year: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """A world: all that a fleet is made of, but for its seed."""

    faults: FaultParameters = field(default_factory=FaultParameters)
    causes: CauseParameters = field(default_factory=CauseParameters)
    heat: HeatParameters = field(default_factory=HeatParameters)
    usage: UsageParameters = field(default_factory=UsageParameters)
    sensing: SensingParameters = field(default_factory=SensingParameters)
    oddities: OddityParameters = field(default_factory=OddityParameters)
    kinds: dict[str, SiteKind] = field(default_factory=lambda: dict(SITE_KINDS))


def digest(world: Parameters) -> str:
    """Return a SHA-256 over every number of a world, in hex: it changes whenever one of them does."""
    return hashlib.sha256(json.dumps(plain(world), sort_keys=True).encode()).hexdigest()


def plain(value: object) -> object:
    """Return parameters as plain values, to be hashed and written down."""
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    return str(value) if isinstance(value, datetime) else value
