"""What a repository of models says of its newest release. The only file whose name is fixed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from edge_agent.wire.types import Message

TargetPath = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$")]


class Offer(Message):
    """release: its number, higher than any before. files: paths of its manifest and models."""

    release: Annotated[int, Field(gt=0)]
    files: Annotated[list[TargetPath], Field(min_length=1, max_length=8)]


def offer_path(feature_version: int) -> str:
    """Return where the newest release is named for agents that compute this version of the features."""
    return f"features-{feature_version}/release.json"
