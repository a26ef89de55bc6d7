"""What a command can be asked stands in the manual; the completions are made of it anyway."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.cli import parser

MANUAL = Path(__file__).parents[2] / "packaging/debian/edge-agent.1"
NOT_IN_THE_PACKAGE = {"demo"}


def asked(reading: argparse.ArgumentParser, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield each command with its actions, and each option of them."""
    for action in reading._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield (*path, name)
                yield from asked(inner, (*path, name))
        elif path:
            yield from ((*path, option) for option in action.option_strings if option not in ("-h", "--help"))


ASKED = [each for each in asked(parser()) if each[0] not in NOT_IN_THE_PACKAGE]


@pytest.mark.parametrize("words", ASKED, ids=" ".join)
def test_the_manual_tells_of_it(words: tuple[str, ...]) -> None:
    text = MANUAL.read_text().replace("\\-", "-").replace("\\fB", "").replace("\\fR", "")
    last = words[-1]
    wanted = last if last.startswith("--") else " ".join(words)
    told = wanted in text or (len(words) > 1 and f"{words[0]} {{" in text and last in text)
    assert told, f"packaging/debian/edge-agent.1 does not tell of: {' '.join(words)}"
