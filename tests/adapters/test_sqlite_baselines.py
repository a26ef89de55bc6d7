"""Baselines of another version in a snapshot."""

from __future__ import annotations

from dataclasses import replace

from edge_agent.adapters.sqlite import rows
from edge_agent.core.baseline import Baselines
from tests.core.making import folded, said


def test_baselines_that_another_version_kept_start_afresh_and_the_rest_stays() -> None:
    known = folded([said(10 * n, temperature=20.0) for n in range(40)])
    older = replace(known, baselines=replace(known.baselines, version=known.baselines.version - 1))
    (same, fresh) = rows.unpacked_chargers(rows.packed_chargers([known, older]))
    assert same == known
    assert fresh == replace(known, baselines=Baselines())
