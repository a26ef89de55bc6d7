"""The schema, as numbered SQL files that only add: an older agent can use a newer store.

Each file is applied once, in a transaction with the record of it. Records of files that this version
does not know are left alone.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlite_utils import Database, Migrations

DIRECTORY = Path(__file__).resolve().parent.parent / "schema"
SET = "edge_agent"
APPLIED = "SELECT name FROM _sqlite_migrations WHERE migration_set = ?"
HAS_RECORD = "SELECT 1 FROM sqlite_schema WHERE name = '_sqlite_migrations'"


def migrate(connection: sqlite3.Connection, directory: Path = DIRECTORY) -> list[str]:
    """Bring the schema up to date; return the names of the files applied. Raises sqlite3.Error."""
    there = applied(connection)
    missing = [file for file in _files(directory) if file.stem not in there]
    if missing:
        _apply(connection, missing)
    return [file.stem for file in missing]


def known(directory: Path = DIRECTORY) -> set[str]:
    """Return the names of the files that this version has."""
    return {file.stem for file in _files(directory)}


def _files(directory: Path) -> list[Path]:
    return sorted(directory.glob("[0-9]*_*.sql"))


def applied(connection: sqlite3.Connection) -> set[str]:
    """Return the names of the files that were applied to a store. Raises sqlite3.Error."""
    if connection.execute(HAS_RECORD).fetchone() is None:
        return set()
    return {name for (name,) in connection.execute(APPLIED, (SET,))}


def _apply(connection: sqlite3.Connection, files: list[Path]) -> None:
    # Here, because the import takes a tenth of the time in which the agent must be up.
    from sqlite_utils import Database, Migrations  # noqa: PLC0415

    migrations = Migrations(SET)
    for file in files:
        _register(migrations, file)
    migrations.apply(Database(connection, recursive_triggers=False, execute_plugins=False))


def _register(migrations: Migrations, file: Path) -> None:
    @migrations(name=file.stem)
    def _run(database: Database) -> None:
        for statement in statements(file.read_text(encoding="utf-8")):
            database.execute(statement)


def statements(script: str) -> Iterator[str]:
    """Yield a script's statements: `executescript` would commit the transaction around them."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
