"""`edge-agent status`: chargers, risks, alerts and suggestions as tables, as the store has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.adapters.sqlite import SqliteReader
from edge_agent.clock import SystemClock
from edge_agent.commands.kept import kept_view
from edge_agent.config import load
from edge_agent.ingest.state import open_alerts
from edge_agent.service import releases, shelf

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from edge_agent.core.judgement import Judgement
    from edge_agent.ingest.parts import View
    from edge_agent.ports import StoreUsage

NOT_KNOWN = "-"


def status(config_path: Path | None) -> int:
    """Print what is known; the daemon may run meanwhile. Raises ConfigError, StoreError."""
    config, _ = load(config_path)
    if not config.store.path.exists():
        print(f"nothing is known yet: there is no store at {config.store.path}; start `edge-agent run`")
        return 1
    models = shelf(releases(config))
    models.load(SystemClock().now())
    view = kept_view(config, models.models)
    _show_chargers(view)
    _show_alerts(view)
    _show_maintenance(view)
    print(_sync(SqliteReader(config.store.path).usage()))
    return 0


def _show_chargers(view: View) -> None:
    _table(
        ("charger", "EVSE", "status", "power", "temperature", "fails in 30 d", "behaviour", "codes"),
        [_row(judged) for judged in sorted(view.latest.values(), key=_riskiest_first)],
    )


def _show_alerts(view: View) -> None:
    _table(
        ("alert", "charger", "EVSE", "since", "state", "message"),
        [
            (a.alert_type, a.charger_id, a.connector_id, f"{a.raised_at:%Y-%m-%d %H:%M}Z", a.state, a.message)
            for a in open_alerts(view.site)
        ],
    )


def _show_maintenance(view: View) -> None:
    due = [each for each in view.suggestions.values() if each.action_required]
    _table(
        ("maintenance", "urgency", "when", "saves", "why"),
        [
            (
                each.charger_id,
                each.urgency,
                f"{each.recommended_date:%Y-%m-%d %H:%M}Z",
                f"{each.cost_benefit.net_savings:.0f} {each.cost_benefit.currency}",
                each.rationale[0],
            )
            for each in due
        ],
    )


def _riskiest_first(judged: Judgement) -> tuple[float, str, int]:
    return (-judged.failure.probability, *judged.charger.evse)


def _row(judged: Judgement) -> tuple[object, ...]:
    charger, now = judged.charger, judged.charger.now
    risk = f"{judged.failure.probability:.0%}" if judged.models.failure.calibrated else "no model"
    return (
        *charger.evse,
        now.connector_status or NOT_KNOWN,
        NOT_KNOWN if now.power is None else f"{now.power:.1f} kW",
        NOT_KNOWN if now.temperature is None else f"{now.temperature:.0f} °C",
        risk,
        judged.anomaly.type,
        ", ".join(charger.errors),
    )


def _sync(usage: StoreUsage) -> str:
    waiting = ", ".join(f"{count} for {consumer}" for consumer, count in usage.backlog.items()) or "nothing"
    return (
        f"store {usage.bytes_used / 1e6:.1f} MB, {usage.bytes_free / 1e9:.1f} GB free; "
        f"{usage.quarantined} messages not understood; waiting to be told: {waiting}"
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows in columns as wide as they need; nothing but a line where there are none."""
    texts = [tuple(str(cell) for cell in row) for row in rows]
    if not texts:
        print(f"no {heads[0]} to show\n")
        return
    widths = [max(map(len, column)) for column in zip(heads, *texts, strict=True)]
    for line in (heads, *texts):
        print("  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
    print()
