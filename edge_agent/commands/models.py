"""`edge-agent models list | verify | fetch | install | rollback`: which models judge, how newer ones come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.adapters.onnx import load_anomaly, load_failure, release_of
from edge_agent.config import load
from edge_agent.core.features import FEATURE_VERSION
from edge_agent.core.rollout import before, objection, offered, refused, went_back
from edge_agent.errors import ModelError, UpdateError
from edge_agent.service import releases
from edge_agent.wire.rollout import Phase, Rollout

if TYPE_CHECKING:
    from pathlib import Path

    from edge_agent.adapters.releases import ReleaseFolder
    from edge_agent.config import Config
    from edge_agent.wire.release import Offer

TRIED = "is tried beside the one that judges"
BY_HAND = "it was taken back by hand"


def show(config_path: Path | None) -> int:
    """Print each release that is here or was refused, and how far a trial has come."""
    config, _ = load(config_path)
    known = releases(config)
    state = known.rollout()
    for release in sorted(known.here() | set(state.refused), reverse=True):
        print(f"release {release:<4} {_versions(known, release)}  {_part(state, release)}".rstrip())
    if state.compared is not None:
        print(_progress(state, config.models.trial_hours))
    return 0


def verify(config_path: Path | None, directory: Path | None) -> int:
    """Run every check on a directory of models, else on each release that is here; 0 where all are sound."""
    config, _ = load(config_path)
    known = releases(config)
    places = {str(directory): directory} if directory is not None else {}
    places = places or {f"release {release}": known.directory(release) for release in sorted(known.here())}
    faults = {name: _fault(place) for name, place in places.items()}
    for name, fault in faults.items():
        print(f"{name}: {fault or 'sound, and its golden answers agree here'}")
    return int(any(faults.values()))


def fetch(config_path: Path | None) -> int:
    """Fetch the newest release of the repository, where it is newer. Raises UpdateError."""
    config, _ = load(config_path)
    if config.models.repository_url is None:
        print("models are not updated: [models] repository_url is not set")
        return 0
    taken = _taken(config, config.models.repository_url.rstrip("/"))
    print(taken if isinstance(taken, str) else f"release {taken} is here, and {TRIED}")
    return 0


def install(config_path: Path | None, copy: Path, *, accept_expired: bool) -> int:
    """Take the newest release from a copy of the repository, such as a stick's. Raises UpdateError."""
    config, _ = load(config_path)
    if not (copy / "metadata").is_dir():
        raise UpdateError(f"{copy} holds no copy of a repository: it needs the folders metadata and targets")
    taken = _taken(config, copy.resolve().as_uri(), accept_expired=accept_expired)
    if isinstance(taken, str):
        raise UpdateError(taken)
    print(f"release {taken} is here, and {TRIED}; see: edge-agent models list")
    return 0


def rollback(config_path: Path | None, release: int | None) -> int:
    """Take back the release that is tried or judges, for good. Raises UpdateError."""
    config, _ = load(config_path)
    known = releases(config)
    state = known.change(lambda now: _back(now, known.here(), release))
    print(f"release {state.judging} judges within seconds, or from the next start on")
    return 0


def _taken(config: Config, base: str, *, accept_expired: bool = False) -> int | str:
    """Return the release that is here now, verified and offered for trial, or why nothing is to be taken."""
    from edge_agent.adapters.repository import Repository, Source  # noqa: PLC0415 - TUF takes 100 ms

    known, root = releases(config), config.models.root
    if not root.exists():
        raise UpdateError(f"there is no {root}: trust in newer models begins with that file")
    with known.incoming() as folder:
        repository = Repository(Source(base, root, accept_expired), known.metadata, folder)
        offer = repository.offer(FEATURE_VERSION)
        if offer is None:
            return f"{base} has no models for version {FEATURE_VERSION} of the features"
        why = objection(known.rollout(), offer.release)
        if why is not None:
            return why
        print(f"fetching release {offer.release}: {len(offer.files)} files", flush=True)
        repository.fetch(offer)
        _verify(folder, offer)
        known.take_in(offer.release)
    known.change(lambda now: offered(now, offer.release))
    return offer.release


def _verify(folder: Path, offer: Offer) -> None:
    """Run every check on what was fetched. Raises UpdateError."""
    fault = _fault(folder)
    if fault is None and release_of(folder) != offer.release:
        fault = f"its manifest says release {release_of(folder)}"
    if fault is not None:
        raise UpdateError(f"release {offer.release} is refused: {fault}")


def _fault(directory: Path) -> str | None:
    try:
        load_failure(directory)
        load_anomaly(directory)
    except ModelError as error:
        return str(error)
    return None


def _back(state: Rollout, here: set[int], release: int | None) -> Rollout:
    if release is None and state.phase is not Phase.SETTLED:
        return refused(state, BY_HAND)
    to = before(state, here) if release is None else release
    if to is None:
        raise UpdateError(f"there is nothing older than release {state.judging} here to go back to")
    if to not in here or to == state.judging:
        there = ", ".join(str(each) for each in sorted(here - {state.judging})) or "none"
        raise UpdateError(
            f"release {to} cannot be gone back to; here are besides the one that judges: {there}"
        )
    return went_back(state, to, BY_HAND)


def _versions(known: ReleaseFolder, release: int) -> str:
    directory = known.directory(release)
    try:
        versions = load_failure(directory).version, load_anomaly(directory).version
    except ModelError as error:
        return str(error) if directory.exists() else "no longer here"
    return f"failure predictor {versions[0]}, anomaly detector {versions[1]}"


def _part(state: Rollout, release: int) -> str:
    if release in state.refused:
        return f"refused: {state.refused[release]}"
    if release == state.judging:
        return "judges" if state.phase is not Phase.PROBATION else "judges, on probation"
    return TRIED if release == state.candidate else ""


def _progress(state: Rollout, hours: float) -> str:
    told = state.compared
    if told is None:
        return ""
    shares = [f"{side.alarms / max(told.rows, 1):.1%}" for side in (told.new, told.old)]
    return (
        f"compared for {told.hours:.1f} of {hours:g} hours over {told.rows} answers: "
        f"the new one asks for action in {shares[0]}, the old one in {shares[1]}"
    )
