"""How a new release of the models comes to judge: beside the old one, then in its place, then for good.

In its shadow time a candidate is asked whatever the judging release is asked, and nobody hears its answers.
In the probation that follows it judges, and the old one is asked. A comparison that turns out badly ends
either. Each step makes a new `Rollout` of the one before, so that what is on disk is always one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.wire.rollout import Comparison, Phase, Rollout

if TYPE_CHECKING:
    from collections.abc import Iterable

LEAST_ROWS = 1_000
"""Judged by both before the one is held against the other."""
LEAST_SAMPLES = 100
SLOWER = 3.0
"""Times the old one's time a row, and then only beyond what nobody would notice."""
UNNOTICED_S = 0.001
KEPT = 3
"""The newest releases stay on disk, besides those that have a part."""


class Bounds(NamedTuple):
    """hours: that the shadow time and the probation last, each. jump: by which share of all answers the new
    release may alarm more often than the old.
    """

    hours: float
    jump: float


class Verdict(NamedTuple):
    """over: the time is up, and nothing speaks against it. fault: what does."""

    over: bool = False
    fault: str | None = None


def judged(told: Comparison, bounds: Bounds) -> Verdict:
    """Return what a comparison says so far."""
    fault = _fault(told, bounds.jump)
    return Verdict(told.hours >= bounds.hours and told.rows >= LEAST_ROWS and fault is None, fault)


def _fault(told: Comparison, jump: float) -> str | None:
    new, old, rows = told.new, told.old, told.rows
    if new.faults:
        return f"it failed on {new.faults} live rows"
    if rows < LEAST_ROWS:
        return None
    if new.seconds > SLOWER * old.seconds and new.seconds / rows > UNNOTICED_S:
        return f"it takes {new.seconds / rows * 1e3:.1f} ms a row, the old one {old.seconds / rows * 1e3:.1f}"
    if (new.alarms - old.alarms) / rows > jump:
        shares = new.alarms / rows, old.alarms / rows
        return f"it asks for action in {shares[0]:.0%} of the answers, the old one in {shares[1]:.0%}"
    samples = told.samples
    if samples >= LEAST_SAMPLES and (new.odd - old.odd) / samples > jump:
        return f"it holds {new.odd / samples:.0%} of the samples for odd, the old one {old.odd / samples:.0%}"
    return None


def objection(state: Rollout, release: int) -> str | None:
    """Return why a release that is offered is not to be taken; None where nothing speaks against it."""
    if release in state.refused:
        return f"release {release} was refused here: {state.refused[release]}"
    if release <= state.highest:
        return f"release {release} is not newer than {state.highest}, which is here or was"
    if state.phase is not Phase.SETTLED:
        tried = state.judging if state.candidate is None else state.candidate
        return f"release {tried} is being tried; release {release} has to wait until that is over"
    return None


def offered(state: Rollout, release: int) -> Rollout:
    """A release is here, whole and verified: from now on it is asked beside the one that judges."""
    return state.model_copy(
        update={"candidate": release, "compared": Comparison(), "highest": max(release, state.highest)}
    )


def went_on(state: Rollout, told: Comparison, bounds: Bounds) -> Rollout:
    """Return where a comparison leads: on, to the next phase, or back."""
    verdict = judged(told, bounds)
    if verdict.fault is not None:
        return refused(state, verdict.fault)
    if not verdict.over:
        return state.model_copy(update={"compared": told})
    return switched(state) if state.phase is Phase.SHADOW else settled(state)


def switched(state: Rollout) -> Rollout:
    """The candidate judges, on probation."""
    update = {
        "judging": state.candidate,
        "previous": state.judging,
        "candidate": None,
        "compared": Comparison(),
    }
    return state.model_copy(update=update)


def settled(state: Rollout) -> Rollout:
    """What judges does so for good."""
    return state.model_copy(update={"candidate": None, "compared": None})


def refused(state: Rollout, why: str) -> Rollout:
    """The release that is being tried, or that judges, is not to be taken again; the one before it judges."""
    if state.candidate is not None:
        return settled(state.model_copy(update={"refused": {**state.refused, state.candidate: why}}))
    if state.previous is None:
        return settled(state)
    return went_back(state, state.previous, why)


def went_back(state: Rollout, release: int, why: str) -> Rollout:
    """An older release judges again, for good; the one that judged is not to be taken again."""
    update = {
        "judging": release,
        "previous": None,
        "refused": {**state.refused, state.judging: why},
    }
    return settled(state.model_copy(update=update))


def shipped_with(state: Rollout | None, shipped: int) -> Rollout:
    """Return the state as a start finds it: what the program brings judges where nothing newer is here."""
    if state is None:
        return Rollout(judging=shipped, highest=shipped)
    highest = max(state.highest, shipped)
    if shipped > state.judging and shipped not in state.refused:
        return settled(state.model_copy(update={"judging": shipped, "previous": None, "highest": highest}))
    return state.model_copy(update={"highest": highest})


def kept(state: Rollout, here: Iterable[int]) -> set[int]:
    """Return which of the releases that are here stay: those that have a part, and the newest."""
    part = {state.judging, state.previous, state.candidate}
    return {each for each in here if each in part} | set(sorted(here)[-KEPT:])


def before(state: Rollout, here: Iterable[int]) -> int | None:
    """Return the newest release to go back to; None where there is none."""
    older = [each for each in here if each < state.judging and each not in state.refused]
    return max(older, default=None)
