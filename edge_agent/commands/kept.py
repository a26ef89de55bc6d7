"""How the site stands as the store has it, for commands that need no running agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.adapters.sqlite import SqliteReader
from edge_agent.ingest.parts import View
from edge_agent.ingest.state import State
from edge_agent.service import site

if TYPE_CHECKING:
    from edge_agent.config import Config
    from edge_agent.core.models import Models


def kept_view(config: Config, models: Models) -> View:
    """Return what the pipeline would show after a start now. Raises StoreError."""
    state = State(site(config))
    with SqliteReader(config.store.path).moment() as (kept, since):
        state.restore(kept, since, models)
    return View(state.site, state.latest, state.suggestions)
