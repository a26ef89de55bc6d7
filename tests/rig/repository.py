"""A repository as `models.repository` makes it, served by a static file server, and gateways that ask it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from edge_agent.cli import main
from edge_agent.wire.rollout import Rollout
from models.repository import Keys, Repository

MODELS = Path(__file__).parents[2] / "models"
PASSWORD = b"not-a-secret"
Spoil = Callable[[dict[str, Any]], object]


class Publisher:
    """Who has the keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "repository"
        self.keys = Keys(folder / "keys", PASSWORD)
        self._models = folder / "models"
        self.at(datetime.now(UTC)).init(self.keys)
        self.root = folder / "root.json"
        shutil.copy(self.folder / "metadata/1.root.json", self.root)

    def at(self, moment: datetime) -> Repository:
        """Return the repository for what is signed at a moment."""
        return Repository(self.folder, moment)

    def publish(self, release: int, spoil: Spoil = lambda _: None) -> None:
        """Publish the shipped models as a release. spoil: what is done to the failure predictor's card."""
        self.at(datetime.now(UTC)).publish(models(self._models, release, spoil), self.keys)

    def expire(self) -> None:
        """Let time pass that nobody refreshes it in."""
        self.at(datetime.now(UTC) - timedelta(days=60)).refresh(self.keys)

    def files(self, pattern: str) -> list[Path]:
        """Return files of it whose names begin with a version or a hash, newest metadata last."""
        return sorted(self.folder.rglob(pattern), key=lambda path: int(path.name.split(".")[0], 16))


def models(folder: Path, release: int, spoil: Spoil = lambda _: None) -> Path:
    """Make a directory of the shipped models under another release's number."""
    directory = folder / str(release)
    directory.mkdir(parents=True)
    for path in MODELS.glob("*.onnx"):
        shutil.copy(path, directory)
    manifest = json.loads((MODELS / "manifest.json").read_text())
    manifest["models"]["failure_predictor"]["version"] = f"9.{release}.0"
    spoil(manifest["models"]["failure_predictor"])
    (directory / "manifest.json").write_text(json.dumps(manifest | {"release": release}))
    return directory


class Server(ThreadingHTTPServer):
    """Serves a folder; `spoilt` says what it does to the content of a path."""

    def __init__(self, folder: Path) -> None:
        self.spoilt: dict[str, bytes | int] = {}
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(SimpleHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        spoilt = next((each for name, each in self.server.spoilt.items() if self.path.endswith(name)), None)
        if isinstance(spoilt, int):
            self.send_error(spoilt)
        elif spoilt is not None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(spoilt) + 1_000))  # it hangs up before that
            self.end_headers()
            self.wfile.write(spoilt)
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    with Server(folder) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,), name="models")
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class Gateway:
    """A box with an agent that has a configuration, and does not run."""

    def __init__(self, folder: Path, root: Path, url: str, releases: Path | None = None) -> None:
        self.releases = releases or folder / "releases"
        self.config = folder / "config.toml"
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text(
            f'site_id = "S"\n[store]\npath = "{folder}/store.sqlite"\n[models]\nrepository_url = "{url}"\n'
            f'root_file = "{root}"\nreleases_dir = "{self.releases}"\n'
        )

    def ask(self, *words: str) -> int:
        """Carry out `edge-agent models ...` and return its exit code."""
        return main(["--config", str(self.config), "models", *words])

    @property
    def rollout(self) -> Rollout | None:
        """What is kept; None where nothing ever was."""
        state = self.releases / "rollout.json"
        return Rollout.model_validate_json(state.read_bytes()) if state.exists() else None

    @property
    def candidate(self) -> int | None:
        return None if self.rollout is None else self.rollout.candidate

    def settle(self, release: int) -> None:
        """Let a release judge for good, as a trial's good end does."""
        state = Rollout(judging=release, highest=release)
        (self.releases / "rollout.json").write_text(state.model_dump_json())
