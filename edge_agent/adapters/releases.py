"""The releases of the models on this box: a folder each, and one file that says which of them judges.

    releases/
      4/ 5/          manifest and models, whole and verified
      incoming/      what is being fetched
      metadata/      what is known of the repository
      rollout.json   see `Rollout`

A release comes by one rename and counts from one more: power may be lost between any two steps, and what
judged before judges again. The release that the program brings is elsewhere, and stands behind all of these.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import ValidationError

from edge_agent.core.rollout import kept, shipped_with
from edge_agent.durable import replace, sync
from edge_agent.errors import UpdateError
from edge_agent.wire.rollout import Rollout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STATE = "rollout.json"
INCOMING = "incoming"
METADATA = "metadata"
MODE, MODE_OF_FILES = 0o750, 0o640

log = logging.getLogger(__name__)


class ReleaseFolder:
    """See `ports.Releases`."""

    def __init__(self, folder: Path, shipped: Path, number: int) -> None:
        """shipped, number: the directory and release that the program brings."""
        self._folder = folder
        self._shipped = (number, shipped)
        self._read: tuple[int, Rollout] | None = None

    @property
    def metadata(self) -> Path:
        """Where what is known of the repository is kept."""
        return self._folder / METADATA

    def rollout(self) -> Rollout:
        """See `ports.Releases`."""
        path = self._folder / STATE
        try:
            changed = path.stat().st_mtime_ns
        except OSError:
            return shipped_with(None, self._shipped[0])
        if self._read is None or self._read[0] != changed:
            self._read = (changed, shipped_with(_state(path), self._shipped[0]))
        return self._read[1]

    def change(self, to: Callable[[Rollout], Rollout]) -> Rollout:
        """See `ports.Releases`."""
        with self._writing():
            self._read = None
            before = self.rollout()
            after = to(before)
            if after != before:
                self._keep(after)
                self._prune(after)
            self._read = None
            return after

    def directory(self, release: int) -> Path:
        """See `ports.Releases`."""
        own = self._folder / str(release)
        number, shipped = self._shipped
        return shipped if release == number and not own.exists() else own

    def here(self) -> set[int]:
        """See `ports.Releases`."""
        return self._installed() | {self._shipped[0]}

    @contextmanager
    def incoming(self) -> Iterator[Path]:
        """Have an empty folder to fetch a release into, with nobody else fetching. Raises UpdateError."""
        with self._writing("fetching"):
            folder = self._folder / INCOMING
            shutil.rmtree(folder, ignore_errors=True)
            try:
                folder.mkdir(mode=MODE)
                yield folder
            except OSError as error:
                raise _failed(self._folder, error) from error
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def take_in(self, release: int) -> None:
        """Make what was fetched and verified one of the releases that are here. Raises UpdateError."""
        folder, target = self._folder / INCOMING, self._folder / str(release)
        try:
            for path in (*folder.rglob("*"), folder):
                sync(path)
            shutil.rmtree(target, ignore_errors=True)  # one that never counted
            folder.rename(target)
            sync(self._folder)
        except OSError as error:
            raise _failed(self._folder, error) from error

    def _installed(self) -> set[int]:
        if not self._folder.is_dir():
            return set()
        return {int(path.name) for path in self._folder.iterdir() if path.name.isdecimal()}

    def _keep(self, state: Rollout) -> None:
        try:
            replace(self._folder / STATE, state.model_dump_json(indent=1).encode(), MODE_OF_FILES)
        except OSError as error:
            raise _failed(self._folder, error) from error

    def _prune(self, state: Rollout) -> None:
        here = self._installed()
        for release in here - kept(state, here):
            shutil.rmtree(self._folder / str(release), ignore_errors=True)

    @contextmanager
    def _writing(self, what: str = "changing") -> Iterator[None]:
        """Hold the lock for changing or for fetching. Raises UpdateError."""
        try:
            self._folder.mkdir(mode=MODE, parents=True, exist_ok=True)
            lock = os.open(self._folder / f".{what}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE_OF_FILES)
        except OSError as error:
            raise _failed(self._folder, error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (fcntl.LOCK_NB if what == "fetching" else 0))
            yield
        except BlockingIOError:
            raise UpdateError("models are being fetched already; wait for that to end") from None
        finally:
            os.close(lock)


def _state(path: Path) -> Rollout | None:
    """Return what the file says; nothing that a lost power leaves makes it unreadable."""
    try:
        return Rollout.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        log.warning("what is known of the models' releases cannot be read", extra={"error": str(error)[:200]})
        return None


def _failed(folder: Path, error: OSError) -> UpdateError:
    return UpdateError(f"{folder} cannot be written ({error.strerror}); what judged goes on")
