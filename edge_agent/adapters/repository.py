"""Signed releases of the models, from their repository or a copy of it on a stick: by The Update Framework.

    metadata/   root, timestamp, snapshot, targets, as TUF has them
    targets/    features-3/release.json   the newest release for who computes version 3 of the features
                releases/5/...            its files

Only what the trusted root leads to is believed; `tuf.ngclient` decides that. A client without its metadata
takes an old repository for a new one: so a release also has a number, which the caller looks at.
Source: The Update Framework Specification 1.0.33.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from pydantic import ValidationError
from tuf.api import exceptions as tuf_errors
from tuf.ngclient.config import UpdaterConfig
from tuf.ngclient.fetcher import FetcherInterface
from tuf.ngclient.updater import Updater
from tuf.ngclient.urllib3_fetcher import Urllib3Fetcher
from urllib3.exceptions import HTTPError

from edge_agent.durable import sync
from edge_agent.errors import UpdateError
from edge_agent.wire.release import Offer, offer_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from tuf.api.metadata import TargetFile

MOST_METADATA = 1_000_000
MOST_TARGET = 64 * 1024 * 1024
CHUNK = 256 * 1024
TIMEOUT_S = 30
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Source(NamedTuple):
    """Where a repository is: `base` is a URL, or `file://` and the folder of a copy.

    root: the metadata that all trust begins with. accept_expired: for a copy that was long on its way.
    """

    base: str
    root: Path
    accept_expired: bool = False


class Repository:
    """A repository as this box knows it. Every call raises UpdateError, and nothing else."""

    def __init__(self, source: Source, known: Path, into: Path) -> None:
        """known: where its metadata are kept; into: where the files of a release go."""
        self._source = source
        with _told(source):
            known.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._updater = Updater(
                str(known),
                f"{source.base}/metadata/",
                target_dir=str(into),
                target_base_url=f"{source.base}/targets/",
                fetcher=_fetcher(source.base),
                config=UpdaterConfig(snapshot_max_length=MOST_METADATA, targets_max_length=MOST_METADATA),
                bootstrap=source.root.read_bytes(),
            )
            if source.accept_expired:  # the client has no other way to be told the time
                self._updater._trusted_set.reference_time = LONG_AGO  # noqa: SLF001
        self._into = into
        self._known = known

    def offer(self, feature_version: int) -> Offer | None:
        """Return the newest release for these features, None where there is none."""
        with _told(self._source):
            self._updater.refresh()
            _sync(self._known)
            target = self._updater.get_targetinfo(offer_path(feature_version))
            if target is None:
                return None
            return Offer.model_validate_json(Path(self._download(target, "release.json")).read_bytes())

    def fetch(self, offer: Offer) -> None:
        """Fetch the files of a release."""
        with _told(self._source):
            for path in offer.files:
                target = self._updater.get_targetinfo(path)
                if target is None:
                    raise UpdateError(
                        f"{self._source.base} names {path} and does not have it; publish it again"
                    )
                self._download(target, PurePosixPath(path).name)

    def _download(self, target: TargetFile, name: str) -> str:
        if target.length > MOST_TARGET:
            raise UpdateError(f"{target.path} is larger than {MOST_TARGET} bytes; publish a smaller one")
        return self._updater.download_target(target, str(self._into / name))


class _Folder(FetcherInterface):
    """Reads a copy of a repository from a folder."""

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            opened = Path(unquote(urlsplit(url).path)).open("rb")  # noqa: SIM115 - closed below
        except FileNotFoundError as error:
            raise tuf_errors.DownloadHTTPError(f"there is no {error.filename}", 404) from error
        return self._chunks(opened)

    def _chunks(self, opened: IO[bytes]) -> Iterator[bytes]:
        with opened:
            while chunk := opened.read(CHUNK):
                yield chunk


@contextmanager
def _told(source: Source) -> Iterator[None]:
    """Say in a sentence what a repository is refused for. Raises UpdateError."""
    try:
        yield
    except tuf_errors.RepositoryError as error:
        raise UpdateError(
            f"{source.base} is refused: {_REFUSED.get(type(error), NOT_SOUND)} ({error})"
        ) from error
    except ValidationError as error:
        raise UpdateError(
            f"{source.base} is refused: its release.json is not one; publish it again"
        ) from error
    except (tuf_errors.DownloadError, HTTPError) as error:  # tuf lets what breaks in mid-stream through
        why = error.__cause__ or error
        raise UpdateError(f"{source.base} cannot be read ({why}); it is tried again next time") from error
    except OSError as error:
        raise UpdateError(
            f"{error.filename or source.base}: {error.strerror}; what judged goes on"
        ) from error


NOT_SOUND = "it is not sound; publish it again"
_REFUSED: dict[type[Exception], str] = {
    tuf_errors.ExpiredMetadataError: "it has expired, or this box's clock is ahead; have it refreshed",
    tuf_errors.UnsignedMetadataError: "it is not signed by the keys that this box trusts",
    tuf_errors.BadVersionNumberError: "it is older than what this box has seen of it",
    tuf_errors.LengthOrHashMismatchError: "a file is not the one that was signed; fetch it again",
}


def _fetcher(base: str) -> FetcherInterface:
    return _Folder() if base.startswith("file://") else Urllib3Fetcher(TIMEOUT_S, CHUNK, "edge-agent")


def _sync(folder: Path) -> None:
    """Have the metadata on the disk: what this box has seen is what a rolled-back repository is known by."""
    for path in (*folder.iterdir(), folder):
        sync(path)
