"""The table of figures on the model card: `python -m models.training.card`.

Reads what `evaluate` and `timing` wrote into models/evaluation and writes the table between the two marks
in models/README.md. No figure there is typed by hand; a test holds that the card is what this makes of them.
"""

from __future__ import annotations

import json
from pathlib import Path

from models.training.aims import ROWS, SIMULATOR, Figures, Part, Row

MODELS = Path(__file__).parents[1]
CARD = MODELS / "README.md"
FIGURES = MODELS / "evaluation"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
COMMANDS = {
    "timing": "`python -m models.training.timing`",
    **{
        name: f"`python -m models.training.evaluate --dataset {name} --seed 7`"
        for name in (SIMULATOR, "hard")
    },
    **{
        name: f"`python -m models.training.evaluate --dataset {name} --data ../shared/data`"
        for name in ("azure_pdm", "skab", "ev_sessions", "ai4i")
    },
}


def main() -> None:
    """Write the table into the card."""
    CARD.write_text(written(CARD.read_text()))


def written(card: str) -> str:
    """Return a card with the table of the figures on file. Raises ValueError where its marks are missing."""
    before, _, rest = card.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{CARD.name} lacks the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def table() -> str:
    """Return the table of all rows, and the command of each file."""
    files = {row.file for row in ROWS}
    told = {name: json.loads((FIGURES / f"{name}.json").read_text()) for name in files}
    lines = ["| measure | aim | figures | verdict | from |", "|---|---|---|---|---|"]
    lines += [_line(row, told[row.file]) for row in ROWS]
    commands = [f"- {name}: {COMMANDS[name]}" for name in sorted(files)]
    return "\n".join([*lines, "", *commands])


def _line(row: Row, figures: Figures) -> str:
    values = [(part, part.of(figures)) for part in row.parts]
    shown = "; ".join(
        f"{part.told} {'not shown' if value is None else format(value, part.shown)}" for part, value in values
    )
    return f"| {row.measure} | {row.aim} | {shown} | {verdict(values)} | {row.file} |"


def verdict(values: list[tuple[Part, float | None]]) -> str:
    """Return excellent, pass or missed for the figures of a row; a dash where nothing is aimed at."""
    aimed = [(part, value) for part, value in values if part.passes is not None]
    if not aimed:
        return "-"
    if any(value is None for _, value in aimed):
        return "not shown"
    if not all(part.passes(value) for part, value in aimed if part.passes and value is not None):
        missed = [
            part.told for part, value in aimed if part.passes and value is not None and not part.passes(value)
        ]
        return f"**missed**: {', '.join(missed)}"
    excels = all(part.excels is None or part.excels(value) for part, value in aimed if value is not None)
    return "excellent" if excels and any(part.excels for part, _ in aimed) else "pass"


if __name__ == "__main__":
    main()
