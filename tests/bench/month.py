"""A healthy month of a site of twenty chargers: what the agent says of it, beside what was so.

Nothing wears, breaks or drifts. Load management leaves less than vehicles ask for, and now and then nothing;
batteries taper; cold fronts pass; the power fails twice, the network once. As anywhere, a code means nothing,
a vehicle gets nothing, a message is lost or late. What was so is read from the simulator alone.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from heapq import merge
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.adapters.sqlite import SqliteStore
from edge_agent.clock import ReplayClock
from edge_agent.config import Config
from edge_agent.ingest.inbox import Inbox
from edge_agent.ingest.parts import Parts
from edge_agent.ingest.publisher import Publisher
from edge_agent.ingest.state import open_alerts
from edge_agent.ingest.thread import Ingest
from edge_agent.ports import Connected, Message
from edge_agent.service import manners, registry, releases, shelf, site, store_bounds
from edge_agent.simulator.components import DAY_S
from edge_agent.simulator.fleet import Fleet, SitePlan
from edge_agent.simulator.parameters import Mode
from edge_agent.simulator.physics import limit_kw
from edge_agent.simulator.usage import SITE_KINDS
from edge_agent.simulator.worlds import overridden, world
from edge_agent.wire.alert import Alert, AlertType, Severity
from edge_agent.wire.types import EvseId
from tests.bench.report import Figure, at_most
from tests.bench.rig import folder
from tests.bench.week import NoBroker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from edge_agent.simulator.evse import Evse
    from edge_agent.simulator.sample import Sample
    from edge_agent.simulator.voices import Message as Said


DAYS, SEED, START = 30.0, 11, datetime(2025, 11, 3, tzinfo=UTC)
HALLS = (("city", 8, 3, 600.0), ("rapid", 6, 2, 60.0), ("hub", 6, 2, 300.0))
"""Kind, chargers, how many of them speak OCPP 1.6, seconds between the reports of an idle one."""
CHARGING_S = 60.0
CUTS = ((9.58, 9.608, Mode.SITE_POWER), (16.45, 16.575, Mode.SITE_POWER), (23.7, 23.783, Mode.UPLINK))
"""From one day of the month to another; the halls return one after the other, so much later each."""
BACK_DAYS, ROUNDING = 240 / DAY_S, 0.1 / DAY_S
COLD = ((6.0, 7.5, 20.0), (14.5, 16.0, 16.0), (25.0, 27.0, 24.0))
"""From day to day, so many kelvin; each takes half a day more to come, and to go."""
SHARES = ((7, 9, 0.7), (12, 14, 0.6), (17, 21, 0.4))
"""From hour to hour, what load management leaves of the rated power, but for JITTER each quarter-hour."""
JITTER, STEPS_A_DAY = 0.1, 96
NOTHING_LEFT = (3, 18.0, 18.75)
"""Every third day, from hour to hour, all have to wait."""
LISTEN, SUGGEST = timedelta(seconds=10), timedelta(minutes=10)
LATELY, COLD_K = timedelta(minutes=30), 5.0
"""An alert may speak of a session that has just ended."""
FAULT = "a fault"
EXPLAINED = ("curtailed", "tapering", "cold")
CUT_NAMES = {Mode.SITE_POWER: "power cut", Mode.UPLINK: "network outage"}
HEALTHY = overridden(
    world("normal"),
    {
        "faults": {"outages_per_year": 0.0},
        "causes": {"per_year": dict.fromkeys(world("normal").causes.per_year, 0.0)},
        "usage": {"curtailed_site_share": 1.0, "curtailed_hours": [0, 24]},
    },
)


def measure(days: float = DAYS) -> list[Figure]:
    """Return what the agent said in a month without a fault; print each alert beside the truth."""
    with folder() as place:
        month = Month(place / "store.sqlite")
        month.pass_by(START + timedelta(days=days))
        wanted = month.suggested()
    raised = sorted(month.raised.values(), key=lambda each: each.alert.raised_at)
    print("\nWhen, charger, connector, type, severity | message | what was so | worth a technician's look")
    print(*(each.line() for each in raised), sep="\n")
    return [
        _figure("messages of the month", month.messages),
        *_figures(raised, days),
        _figure("chargers that were said to need work", len(set(wanted)), 0, ["suggestions"] * len(wanted)),
    ]


def _figure(name: str, value: float, most: float | None = None, kinds: Iterable[str] = ()) -> Figure:
    aim = None if most is None else at_most(most)
    note = ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(kinds).items()))
    return Figure(name=name, value=float(value), unit="", aim=aim, note=note)


def colder_k(day: float) -> float:
    inside = ((2 * min(day - begin, end - day) + 1, kelvin) for begin, end, kelvin in COLD)
    return sum(kelvin * min(max(share, 0.0), 1.0) for share, kelvin in inside)


def share_left(day: float) -> float:
    hour = day % 1 * 24
    if int(day) % NOTHING_LEFT[0] == 0 and NOTHING_LEFT[1] <= hour < NOTHING_LEFT[2]:
        return 0.0
    left = [share for first, last, share in SHARES if first <= hour < last]
    return left[0] + Random(f"{SEED} {day}").uniform(-JITTER, JITTER) if left else 1.0


def trouble_at(at: datetime, place: int) -> Mode | None:
    """Return what cuts the hall at that place of HALLS off."""
    day = (at - START) / timedelta(days=1) + ROUNDING
    return next((mode for begin, end, mode in CUTS if begin <= day < end + place * BACK_DAYS), None)


class Surroundings:
    """Weather, load management and cuts of one hall; an actor of its fleet."""

    def __init__(self, place: int, fleet: Fleet) -> None:
        self._place, self._fleet = place, fleet
        steps = {number / STEPS_A_DAY for number in range(int(DAYS * STEPS_A_DAY))}
        edges = {day for begin, end, _ in CUTS for day in (begin, end + place * BACK_DAYS)}
        self._done, self._days = 0, [*sorted(steps | edges), math.inf]

    def next_s(self) -> float:
        return self._days[self._done] * DAY_S

    def act(self) -> list[Sample]:
        at_s, day, here = self.next_s(), self._days[self._done], self._fleet.world
        self._done += 1
        usual = self._fleet.plan.parameters
        heat = replace(usual.heat, mean_c=usual.heat.mean_c - colder_k(day))
        usage = replace(usual.usage, curtailed_share=share_left(day))
        here.parameters = replace(usual, heat=heat, usage=usage)
        before, here.trouble = here.trouble, trouble_at(here.moment(at_s), self._place)
        if here.trouble is before:
            return []
        for cabinet in self._fleet.cabinets:
            cabinet.cut_off(at_s)
        back = self._fleet.cabinets if here.trouble is None else []
        return [sample for each in back for sample in each.back_at(at_s, before is Mode.SITE_POWER)]


def _arrived(place: int, fleet: Fleet) -> Iterator[Said]:
    """Yield what a hall says; what was under way when it was cut off is lost."""
    for said in fleet.messages(Surroundings(place, fleet)):
        if trouble_at(said.at, place) is None:
            yield said


def facts_of(evse: Evse) -> list[str]:
    """Return what is so at an EVSE, by the simulator's latent state."""
    visit, taper = evse.visit, evse.world.kind.taper
    asked_kw = visit.request_kw(taper) if visit is not None and not visit.failed else 0.0
    units = (evse, evse.cabinet)
    so = {
        FAULT: bool(evse.spell) or any(each.outage or any(each.parts.severity.values()) for each in units),
        "curtailed": limit_kw(evse) < asked_kw,
        "tapering": visit is not None and 0 < asked_kw < visit.asked_kw,
        "cold": HEALTHY.heat.mean_c - evse.world.parameters.heat.mean_c >= COLD_K,
        "a vehicle that gets nothing": visit is not None and visit.failed,
        "a code without a cause": bool(evse.codes),
        "heard": True,
    }
    return [name for name, is_so in so.items() if is_so]


class Raised(NamedTuple):
    """An alert as it was first told, and what was so then, or how long before."""

    alert: Alert
    truth: dict[str, timedelta]

    @property
    def worth_it(self) -> bool:
        """Whether it is worth a technician's look: a fault is, and of a cut the site's alert."""
        site_wide = self.alert.alert_type is AlertType.SITE_OFFLINE
        return not self.truth.keys().isdisjoint(CUT_NAMES.values() if site_wide else {FAULT})

    def line(self) -> str:
        alert = self.alert
        told = (f"{name} {ago.seconds // 60} min ago" if ago else name for name, ago in self.truth.items())
        what = " ".join([alert.alert_type, *([alert.anomaly_type] if alert.anomaly_type else [])])
        place = f"{alert.raised_at:%m-%d %H:%M} {alert.charger_id:<9}{alert.connector_id:>2}"
        worth = "worth it" if self.worth_it else "not worth it"
        return f"  {place} {what} {alert.severity} | {alert.message} | {', '.join(told)} | {worth}"


class Month:
    """The agent's pipeline, what it is fed, and what it has told."""

    def __init__(self, path: Path) -> None:
        self.messages = self._seq = 0
        self.raised: dict[str, Raised] = {}
        self._so: dict[EvseId, dict[str, datetime]] = {}  # when a fact about an EVSE was last so
        store = {"path": path, "commit_s": 60.0}
        self._fleets = [_fleet(place) for place in range(len(HALLS))]
        self._evses = {each.charger_id: each.connectors for hall in self._fleets for each in hall.cabinets}
        self._config = config = Config.model_validate({"site_id": "site-month", "store": store})
        self._clock, self._inbox, silent = ReplayClock(START), Inbox(), NoBroker()
        self._store = SqliteStore(path, store_bounds(config), START)
        models = shelf(releases(config))
        models.load(START)
        told = Publisher(silent, self._store, config.prefix)
        parts = Parts(self._inbox, self._store, silent, registry(config), models, told, self._clock)
        self._ingest = Ingest(parts, site(config), manners(config))

    def pass_by(self, end: datetime) -> None:
        """Let the time until then pass through the pipeline."""
        self._ingest.restore()
        self._inbox.put(Connected(1, session_present=False))
        due = START
        halls = (_arrived(place, fleet) for place, fleet in enumerate(self._fleets))
        for said in merge(*halls, key=lambda each: each.at):
            while due <= min(said.at, end):
                self._clock.at = due
                self._ingest.listen()
                if (due - START) % SUGGEST == timedelta():
                    self._ingest.suggest()
                self._look()
                due += LISTEN
            if said.at >= end:
                break
            self._note(said.charger_id, said.at)
            topic = f"{self._config.prefix}/chargers/{said.charger_id}/{said.kind}"
            self._inbox.put(Message(1, None, topic, said.payload, said.at, retained=False))
            self._look()

    def _note(self, charger_id: str, at: datetime) -> None:
        self.messages += 1
        self._clock.at = at
        for evse in self._evses[charger_id]:
            known = self._so.setdefault(EvseId(evse.charger_id, evse.connector_id), {})
            known.update(dict.fromkeys(facts_of(evse), at))

    def suggested(self) -> list[str]:
        """Return the charger of each suggestion of work that was told, new or moved."""
        query = "SELECT payload FROM outbox_alerts WHERE type = 'maintenance'"
        told = map(json.loads, (payload for (payload,) in self._store._connection.execute(query)))
        return [each["charger_id"] for each in told if each["action_required"]]

    def _look(self) -> None:
        """Let the pipeline take what waits, and write down what it tells."""
        self._ingest.turn(0.0)
        view = self._ingest.view
        if view.site.alert_seq == self._seq:
            return
        self._seq = view.site.alert_seq
        for alert in open_alerts(view.site):
            self.raised.setdefault(alert.alert_id, Raised(alert, self._truth(alert)))

    def _truth(self, alert: Alert) -> dict[str, timedelta]:
        """Return what is so, or was lately, where an alert is about, and how long ago."""
        now, truth = self._clock.at, dict[str, timedelta]()
        places = [place for place, hall in enumerate(HALLS) if alert.charger_id.lower().startswith(hall[0])]
        trouble = trouble_at(now, *(places or [len(HALLS) - 1]))
        if trouble is not None:
            truth[CUT_NAMES[trouble]] = timedelta()
        for evse, known in self._so.items():
            if evse.charger_id == alert.charger_id and alert.connector_id in {0, evse.connector_id}:
                truth |= {name: now - at for name, at in known.items() if now - at <= LATELY}
        return truth


def _fleet(place: int) -> Fleet:
    name, chargers, ocpp, idle_s = HALLS[place]
    usual = overridden(HEALTHY, {"sensing": {"interval_s": idle_s, "charging_interval_s": CHARGING_S}})
    kind, prefix = SITE_KINDS[name], name.upper()
    plan = SitePlan(chargers=chargers, start=START, kind=kind, ocpp=ocpp, prefix=prefix, parameters=usual)
    return Fleet(plan, [SEED, place])


def _figures(raised: list[Raised], days: float) -> list[Figure]:
    kinds = [f"{each.alert.alert_type} {each.alert.severity}" for each in raised]
    called = sum(each.alert.severity is not Severity.INFO for each in raised)
    healthy = [each for each in raised if each.truth.keys().isdisjoint({FAULT, *CUT_NAMES.values()})]
    return [
        _figure("alerts raised", len(raised), kinds=kinds),
        _figure("alerts a technician's week", 7 * len(raised) / days),
        _figure("… of them warnings and graver", 7 * called / days),
        _figure("alerts not worth a look", sum(not each.worth_it for each in raised), 0),
        *(_of_cut(raised, cut) for cut in CUTS if cut[0] < days),
        *(
            _figure(f"alerts raised while {name}", sum(name in each.truth for each in healthy), 0)
            for name in EXPLAINED
        ),
    ]


def _of_cut(raised: list[Raised], cut: tuple[float, float, Mode]) -> Figure:
    """Return how many alerts came from its beginning to a little after its end."""
    begin, end = (START + timedelta(days=day) for day in cut[:2])
    during = [each.alert for each in raised if begin <= each.alert.raised_at < end + LATELY]
    name = f"alerts of the {CUT_NAMES[cut[2]]} of {(end - begin).seconds / 3600:.1f} h"
    return _figure(name, len(during), 1, (alert.alert_type for alert in during))
