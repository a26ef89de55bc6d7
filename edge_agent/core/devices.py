"""A charger leaves the site, or another device takes its place: what goes of the state, and what stays.

          retired                        replaced
EVSEs     gone                           as never heard, under the same name
outages   end, and are told              go on: the driver does not ask which device it is
alerts    cleared                        cleared: what is still wrong is raised anew
readings  what a broker retained of it is refused, and what it says itself makes a new charger of it
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from edge_agent.core.charger import Charger, newcomer
from edge_agent.core.standing import over
from edge_agent.wire.service import Change

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.core.downtime import Outage
    from edge_agent.core.pipeline import Site
    from edge_agent.wire.alert import Alert
    from edge_agent.wire.types import EvseId

MOST_RETIRED = 1_000

Value = TypeVar("Value")


class Departed(NamedTuple):
    """The site without a device, and what that ended: its open alerts, cleared, and its outages."""

    site: Site
    alerts: list[Alert]
    outages: dict[EvseId, Outage]


def departed(site: Site, charger_id: str, change: Change, at: datetime) -> Departed | None:
    """Return what a site is once a device has gone; None where no charger of that id is known."""
    old = {evse: charger for evse, charger in site.chargers.items() if evse.charger_id == charger_id}
    if not old:
        return None
    retired = change is Change.RETIRED
    alerts = _cleared(site, charger_id, at)
    successors = {} if retired else {evse: _successor(charger, at) for evse, charger in old.items()}
    heard = dict.fromkeys((evse.charger_id for evse in successors), at)
    after = replace(
        site,
        chargers=others(site.chargers, charger_id) | successors,
        watches=others(site.watches, charger_id),
        told=others(site.told, charger_id),
        heard={name: moment for name, moment in site.heard.items() if name != charger_id} | heard,
        quiet={name: quiet for name, quiet in site.quiet.items() if name != charger_id},
        retired=_with(site.retired, charger_id) if retired else site.retired,
        alert_seq=site.alert_seq + len(alerts),
    )
    outages = {
        evse: replace(outage, ended_at=max(at, outage.began_at))
        for evse, charger in old.items()
        if retired and (outage := charger.outages.current) is not None
    }
    return Departed(after, alerts, outages)


def others(known: Mapping[EvseId, Value], charger_id: str) -> dict[EvseId, Value]:
    """Return what is known of all chargers but one."""
    return {evse: value for evse, value in known.items() if evse.charger_id != charger_id}


def _with(retired: tuple[str, ...], charger_id: str) -> tuple[str, ...]:
    return (*(name for name in retired if name != charger_id), charger_id)[-MOST_RETIRED:]


def _cleared(site: Site, charger_id: str, at: datetime) -> list[Alert]:
    still_open = [
        watch.alert
        for evse, watches in site.watches.items()
        for watch in watches.values()
        if evse.charger_id == charger_id and watch.alert is not None
    ]
    return [over(alert, at, seq) for seq, alert in enumerate(still_open, site.alert_seq + 1)]


def _successor(charger: Charger, at: datetime) -> Charger:
    """Return an EVSE of which nothing is known but its service, and which may be silent as a stranger may."""
    return replace(
        newcomer(charger.evse, at),
        tenant_id=charger.tenant_id,
        heard_at=at,
        maintained_at=at,
        outages=charger.outages,
    )
