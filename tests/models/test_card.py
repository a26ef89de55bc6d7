"""The model card's table."""

from __future__ import annotations

import pytest

from models.training.aims import ROWS, Part, least
from models.training.card import BEGIN, CARD, END, FIGURES, verdict, written


def test_the_card_holds_what_its_figures_on_file_make_of_it() -> None:
    card = CARD.read_text()
    assert written(card) == card


def test_every_row_has_its_figures_on_file() -> None:
    assert {row.file for row in ROWS} == {file.stem for file in FIGURES.glob("*.json")}


def test_a_card_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks the marks"):
        written(f"{BEGIN} and nothing more, such as {END[:5]}")


def part(passes: float, excels: float) -> Part:
    return Part("it", lambda _: None, least(passes), least(excels))


def test_a_row_is_as_good_as_its_worst_figure() -> None:
    good, fair, bad = ((part(0.5, 0.7), value) for value in (0.8, 0.6, 0.4))
    assert verdict([good]) == "excellent"
    assert verdict([good, fair]) == "pass"
    assert verdict([good, bad]) == "**missed**: it"
    assert verdict([good, (part(0.5, 0.7), None)]) == "not shown"
    assert verdict([(Part("it", lambda _: 1.0), 1.0)]) == "-"
