"""What kinds of site are used for: five kinds, four of them set after real sessions.

"sessions": `python -m models.training.calibration` prints the same statistics of the real sessions and of the
simulator. work: SAP Labs France; public: level 2 in Boulder; city and rapid: Dundee; hub: 172 kW CCS of EPFL.
"""

from __future__ import annotations

from dataclasses import dataclass

LEVELS = (0.0, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.97, 1.0)
"""Probabilities that the quantiles of energy are given at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteKind:
    """What a kind of site is used for.

    arrivals_per_day: at one EVSE; a vehicle that finds it taken goes away. kwh: quantiles of energy at
    LEVELS, of sessions that give any. zero_share: sessions that give none although nothing is broken.
    vehicle_kw: what vehicles can take, each equally often. hours, weekdays: relative arrivals. parked_share:
    vehicles that stay when charged; parked_minutes, parked_sigma: for how long, median and spread of the
    logarithm.
    taper: state of charge from which on a vehicle asks for less, and the share it asks for when full.
    """

    arrivals_per_day: float
    kwh: tuple[float, ...]
    zero_share: float
    rated_kw: tuple[float, ...]
    vehicle_kw: tuple[float, ...]
    hours: tuple[float, ...]
    weekdays: tuple[float, ...] = (1.0,) * 7
    parked_share: float
    parked_minutes: float
    parked_sigma: float
    taper: tuple[float, float]
    dc: bool = False


AC_TAPER = (94.0, 0.2)  # assumed
CCS_TAPER = (45.0, 0.35)  # sessions: peak over capacity 1.5 an hour up to 45 %, 0.54 at 95 %
_NIGHT = (0.05,) * 5
_WORK_HOURS = _NIGHT + (0.1, 0.8, 4.4, 5.7, 2.5, 0.9, 1.1, 2.1, 2.2, 1.1, 0.6, 0.5) + (0.3,) * 7
_PUBLIC_HOURS = (*_NIGHT, 0.2, 0.55, 0.8, 1.4, 1.7, 1.7, 1.9, 2.1, 2.1, 1.8, 1.7, 1.7, 1.9, 1.8, 1.4)
_CITY_HOURS = (0.1,) * 7 + (0.55, 1.4, 1.7, 1.7, 2.2, 2.9, 2.5, 2.0, 2.2, 1.8, 1.0, 0.6, 0.5, 0.5)
_RAPID_HOURS = (0.6, 0.7) + (0.45,) * 5 + (0.8, 0.8, 1.2, 1.3, 1.4, 1.5, 1.5, 1.5, 1.4, 1.4, 1.3, 1.1)
_HUB_HOURS = (0.15,) * 5 + (0.2, 0.4, 0.5, 0.9, 1.4, 1.3, 1.8) + (1.7,) * 8 + (1.1, 1.2, 0.6, 0.35)

SITE_KINDS = {
    # kwh, zero_share, hours, weekdays: sessions. arrivals_per_day: so that the sessions are as many.
    # rated_kw, vehicle_kw, parked: assumed, so that mean powers and lengths come near those of the sessions.
    "work": SiteKind(
        arrivals_per_day=0.5,
        kwh=(0.1, 1.2, 4.0, 7.1, 13, 21.1, 31.8, 44.4, 57, 90),
        zero_share=0.014,
        rated_kw=(7.4, 11, 22),
        vehicle_kw=(3.7, 6.6, 7.4, 7.4, 11, 22),
        hours=_WORK_HOURS,
        weekdays=(1.4, 1.23, 1.12, 1.25, 1.71, 0.17, 0.12),
        parked_share=0.5,
        parked_minutes=60,
        parked_sigma=1.0,
        taper=AC_TAPER,
    ),
    "public": SiteKind(
        arrivals_per_day=1.1,
        kwh=(0.1, 0.7, 1.3, 2.1, 3.9, 6.7, 11.3, 16.6, 25.8, 50),
        zero_share=0.098,
        rated_kw=(7.4,),
        vehicle_kw=(3.6, 6.6, 6.6, 7.2),
        hours=(*_PUBLIC_HOURS, 0.64, 0.3, 0.12, 0.06),
        weekdays=(0.85, 0.98, 1.05, 1.01, 1.13, 1.05, 0.92),
        parked_share=0.6,
        parked_minutes=35,
        parked_sigma=1.3,
        taper=AC_TAPER,
    ),
    "city": SiteKind(
        arrivals_per_day=1.0,
        kwh=(0.1, 0.5, 1.0, 1.6, 3.2, 6.1, 10.7, 16.6, 23.6, 45),
        zero_share=0.10,
        rated_kw=(7.4, 22),
        vehicle_kw=(3.6, 3.6, 6.6, 7.4, 11),
        hours=(*_CITY_HOURS, 1.3, 0.2, 0.3),
        weekdays=(1.12, 1.17, 1.18, 1.19, 1.16, 0.64, 0.55),
        parked_share=0.6,
        parked_minutes=300,
        parked_sigma=1.4,
        taper=AC_TAPER,
    ),
    "rapid": SiteKind(
        arrivals_per_day=8.4,
        kwh=(0.1, 1.0, 1.8, 2.8, 5.2, 9.1, 13.9, 18.4, 22.8, 40),
        zero_share=0.006,
        rated_kw=(50,),
        vehicle_kw=(25, 35, 42, 45),
        hours=(*_RAPID_HOURS, 1.2, 1.2, 1.1, 1.0, 0.8),
        parked_share=0.3,
        parked_minutes=5,
        parked_sigma=0.8,
        taper=CCS_TAPER,
        dc=True,
    ),
    "hub": SiteKind(
        arrivals_per_day=2.2,
        kwh=(1, 5, 8, 11.1, 18, 29.4, 43.3, 55.5, 64, 80),
        zero_share=0.01,
        rated_kw=(150,),
        vehicle_kw=(40, 60, 70, 90, 130),
        hours=_HUB_HOURS,
        parked_share=0.3,
        parked_minutes=5,
        parked_sigma=0.8,
        taper=CCS_TAPER,
        dc=True,
    ),
}
