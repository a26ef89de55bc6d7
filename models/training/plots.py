"""Pictures of the scorecard, for the model card and for whoever evaluates another set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edge_agent.core.features import HORIZON_DAYS
from models.training import episodes
from models.training.scorecard import Scored, announced, by_horizon, within

DPI = 100
BINS = 10
EXAMPLES = 6
SHOWN_DAYS = 30
SHARES = np.geomspace(0.003, 0.6, 25)
"""Budgets of false episodes an EVSE-month at which recall is drawn."""


def draw(folder: Path, cases: Mapping[str, Scored], threshold: float) -> None:
    """Write all pictures. cases: by name, the model first, then what it is compared with.

    threshold: on P(7 days), from which the model alarms.
    """
    model = next(iter(cases.values()))
    _picture(folder / "calibration.png", (9, 4), lambda figure: _calibration(figure, model))
    _picture(folder / "recall.png", (6, 4), lambda figure: _recall(figure.subplots(), cases))
    _picture(folder / "lead.png", (6, 3.5), lambda figure: _lead(figure.subplots(), model, threshold))
    _picture(folder / "skill.png", (6, 3.5), lambda figure: _skill(figure.subplots(), cases))
    _picture(folder / "episodes.png", (9, 6), lambda figure: _examples(figure, model, threshold))


def _picture(path: Path, size: tuple[float, float], fill: Any) -> None:  # noqa: ANN401 - a function of Figure
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    fill(figure)
    figure.savefig(path, metadata={"Software": None})


def _calibration(figure: Figure, scored: Scored) -> None:
    """Draw what was observed against what was told, by tenths of the rows, at 7 and at 30 days."""
    for axes, days in zip(figure.subplots(1, 2), (7, 30), strict=True):
        failed, known = within(scored.rows, days)
        p, truth = scored.curves[known, HORIZON_DAYS.index(days)], failed[known]
        tenths = np.array_split(np.argsort(p, kind="stable"), BINS)
        axes.loglog([p[each].mean() for each in tenths], [truth[each].mean() for each in tenths], "o-")
        ends = [float(p.min()), float(p.max())]
        axes.loglog(ends, ends, ":", color="grey")
        axes.set(xlabel=f"told: P(failure within {days} days)", ylabel="observed")


def _recall(axes: Axes, cases: Mapping[str, Scored]) -> None:
    for name, scored in cases.items():
        predictable = announced(scored.rows)
        rates, caught = [], []
        for budget in SHARES:
            limit = episodes.threshold(scored.rows, scored.week(), float(budget))
            found = episodes.tally(scored.rows, scored.week() >= limit)
            rates.append(found.false_rate)
            caught.append(len(found.caught & predictable) / max(len(predictable), 1))
        axes.plot(rates, caught, "o-", label=name, markersize=3)
    axes.set(
        xlabel="false episodes an EVSE-month",
        ylabel="caught of the predictable failures",
        ylim=(0, 1),
        xlim=(0, None),
    )
    axes.legend()


def _lead(axes: Axes, scored: Scored, threshold: float) -> None:
    found = episodes.tally(scored.rows, scored.week() >= threshold)
    axes.hist(found.lead_days, bins=np.arange(0, 7.5, 0.5).tolist())
    axes.set(xlabel="days from the alarm to the failure", ylabel="failures foretold")


def _skill(axes: Axes, cases: Mapping[str, Scored]) -> None:
    width = 0.8 / len(cases)
    for place, (name, scored) in enumerate(cases.items()):
        values = [each["brier_skill"] for each in by_horizon(scored).values()]
        axes.bar(np.arange(len(values)) + place * width, np.maximum(values, -0.1), width, label=name)
    axes.axhline(0, color="grey", linewidth=0.8)
    axes.set_xticks(np.arange(len(HORIZON_DAYS)) + 0.4 - width / 2, [f"{days} d" for days in HORIZON_DAYS])
    axes.set(ylabel="Brier skill over the base rate")
    axes.legend()


def _examples(figure: Figure, scored: Scored, threshold: float) -> None:
    """Draw the month before a failure: those foretold earliest, in the middle and not at all."""
    rows, risk = scored.rows, scored.week()
    names = sorted(announced(rows))
    chosen = names[:: max(len(names) // EXAMPLES, 1)][:EXAMPLES]
    grid = figure.subplots(2, 3, sharey=True, squeeze=False)
    for axes, (evse, onset) in zip(grid.flat, chosen, strict=False):
        seen = (rows.evse == evse) & (rows.at <= onset) & (rows.at >= onset - SHOWN_DAYS)
        axes.semilogy(rows.at[seen] - onset, np.clip(risk[seen], 1e-4, 1), linewidth=1)
        axes.axhline(threshold, color="tab:red", linestyle=":")
        axes.axvline(0, color="black")
        axes.set(xlabel="days to the failure", title=f"EVSE {evse}", xlim=(-SHOWN_DAYS, 1))
    grid[0, 0].set(ylabel="P(7 days)")
