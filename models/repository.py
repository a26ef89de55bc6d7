"""The repository that gateways take newer models from: `python -m models.repository --help`.

By The Update Framework: the root and targets keys are kept offline and sign a release; an online key signs
every few days that this is still the newest. Any static file server serves the folder.

    init      keys, and a repository without a release; its root.json goes into the gateways' packages
    publish   a directory of models as the next release (with the targets key and the online key)
    refresh   say again that it is current (with the online key alone; before the timestamp expires)
    rotate    replace a key: the root keys sign, old and new
"""

from __future__ import annotations

import argparse
import getpass
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from edge_agent.adapters.onnx import Manifest, load_anomaly, load_failure, release_of
from edge_agent.core.features import FEATURE_VERSION
from edge_agent.errors import EdgeAgentError
from edge_agent.wire.release import Offer, offer_path

ROLES = ("root", "targets", "online")
ONLINE = ("timestamp", "snapshot")
VALID = {"root": 730, "targets": 730, "snapshot": 14, "timestamp": 14}
"""Days. A gateway that was offline for longer fetches anew; what nobody refreshes is no longer believed."""


class RepositoryFault(EdgeAgentError):
    """What was asked for cannot be done; the sentence says why."""


class Keys:
    """The private keys, a file each, encrypted with one password."""

    def __init__(self, folder: Path, password: bytes) -> None:
        self._folder = folder
        self._password = password

    def make(self, role: str) -> CryptoSigner:
        """Make a role's key and write it down; the one before it stays beside it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(role)
        if path.exists():
            path.rename(path.with_suffix(f".{datetime.now(UTC):%Y%m%d%H%M%S%f}.pem"))
        key = Ed25519PrivateKey.generate()
        path.touch(mode=0o600)
        path.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(self._password))
        )
        return CryptoSigner(key)

    def signer(self, role: str) -> CryptoSigner:
        """Return what signs for a role. Raises RepositoryFault."""
        path = self._path(role)
        try:
            key = load_pem_private_key(path.read_bytes(), self._password)
        except FileNotFoundError:
            raise RepositoryFault(f"there is no {path}: this needs the {role} key") from None
        except (ValueError, TypeError) as error:
            raise RepositoryFault(f"{path} does not open with this password") from error
        return CryptoSigner(key)

    def _path(self, role: str) -> Path:
        return self._folder / f"{role}.pem"


class Repository:
    """The folder that is served: `metadata` and `targets`."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self._metadata = folder / "metadata"
        self._targets = folder / "targets"
        self._now = now

    def init(self, keys: Keys) -> None:
        """Make keys and a repository without a release. Raises RepositoryFault where there is one."""
        if self._metadata.exists():
            raise RepositoryFault(f"{self._metadata} is there already; to replace a key: rotate")
        self._metadata.mkdir(parents=True)
        self._targets.mkdir(parents=True, exist_ok=True)
        root = Root(version=1, expires=self._until("root"), consistent_snapshot=True)
        signers = {role: keys.make(role) for role in ROLES}
        for role, signer in signers.items():
            for name in ONLINE if role == "online" else (role,):
                root.add_key(signer.public_key, name)
        self._write(Metadata(root), [signers["root"]])
        targets = Targets(version=1, expires=self._until("targets"))
        self._write(Metadata(targets), [signers["targets"]])
        snapshot = Snapshot(version=1, expires=self._until("snapshot"), meta={"targets.json": MetaFile(1)})
        self._write(Metadata(snapshot), [signers["online"]])
        timestamp = Timestamp(version=1, expires=self._until("timestamp"), snapshot_meta=MetaFile(1))
        self._write(Metadata(timestamp), [signers["online"]])

    def publish(self, models: Path, keys: Keys) -> Offer:
        """Make a directory of models the newest release. Raises RepositoryFault, ModelError."""
        load_failure(models)
        load_anomaly(models)
        held = self._read("targets", Targets)
        release = release_of(models)
        folder = f"releases/{release}"
        if release < 1 or any(path.startswith(f"{folder}/") for path in held.signed.targets):
            raise RepositoryFault(f"the manifest says release {release}; give it a number above all before")
        files = [self._add(held, models / name, f"{folder}/{name}") for name in _files(models)]
        offer = Offer(release=release, files=files)
        told = offer_path(FEATURE_VERSION)
        held.signed.targets[told] = TargetFile.from_data(told, offer.model_dump_json().encode(), ["sha256"])
        self._place(held.signed.targets[told], offer.model_dump_json().encode())
        self._next(held, "targets", [keys.signer("targets")])
        self.refresh(keys)
        return offer

    def refresh(self, keys: Keys) -> None:
        """Say what is current, as of now."""
        online = [keys.signer("online")]
        snapshot, timestamp = self._read("snapshot", Snapshot), self._read("timestamp", Timestamp)
        snapshot.signed.meta["targets.json"] = MetaFile(self._read("targets", Targets).signed.version)
        self._next(snapshot, "snapshot", online)
        timestamp.signed.snapshot_meta = MetaFile(snapshot.signed.version)
        self._next(timestamp, "timestamp", online)

    def rotate(self, role: str, keys: Keys) -> None:
        """Replace a role's key and sign with the new one whatever the old one signed."""
        root = self._read("root", Root)
        signers = [keys.signer("root")]
        made = keys.make(role)
        for name in ONLINE if role == "online" else (role,):
            for old in list(root.signed.roles[name].keyids):
                root.signed.revoke_key(old, name)
            root.signed.add_key(made.public_key, name)
        self._next(root, "root", [*signers, made] if role == "root" else signers)
        if role == "targets":
            self._next(self._read("targets", Targets), "targets", [made])
        self.refresh(keys)

    def _add(self, held: Metadata[Targets], path: Path, name: str) -> str:
        content = path.read_bytes()
        held.signed.targets[name] = TargetFile.from_data(name, content, ["sha256"])
        self._place(held.signed.targets[name], content)
        return name

    def _place(self, target: TargetFile, content: bytes) -> None:
        """Put a target where a client of a consistent repository looks: under its hash."""
        folder, _, name = target.path.rpartition("/")
        path = self._targets / folder / f"{target.hashes['sha256']}.{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def _read(self, role: str, form: type) -> Metadata[Any]:
        """Return the newest metadata of a role. Raises RepositoryFault."""
        versions = sorted(
            self._metadata.glob(f"*.{role}.json"), key=lambda path: int(path.name.split(".")[0])
        )
        if not versions:
            raise RepositoryFault(f"{self._metadata} is no repository; make one with init")
        held: Metadata[Any] = Metadata.from_file(str(versions[-1]))
        if not isinstance(held.signed, form):
            raise RepositoryFault(
                f"{versions[-1]} is not {role} metadata; restore the repository from its copy"
            )
        return held

    def _next(self, held: Metadata[Any], role: str, signers: list[CryptoSigner]) -> None:
        held.signed.version += 1
        held.signed.expires = self._until(role)
        self._write(held, signers)

    def _write(self, held: Metadata[Any], signers: list[CryptoSigner]) -> None:
        held.signatures.clear()
        for signer in signers:
            held.sign(signer, append=True)
        role = held.signed.type
        held.to_file(str(self._metadata / f"{held.signed.version}.{role}.json"))
        if role == "timestamp":  # the one file that clients ask for without knowing its version
            held.to_file(str(self._metadata / "timestamp.json"))

    def _until(self, role: str) -> datetime:
        return (self._now + timedelta(days=VALID[role])).replace(microsecond=0)


def _files(models: Path) -> list[str]:
    manifest = Manifest.model_validate_json((models / "manifest.json").read_bytes())
    return [
        "manifest.json",
        *(str(card["file"]) for card in manifest.models.values() if isinstance(card, dict)),
    ]


def main(arguments: list[str] | None = None) -> int:
    """Carry out one command; return the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        keys = Keys(asked.keys, _password(asked.password_file))
        repository = Repository(asked.folder, datetime.now(UTC))
        if asked.command == "publish":
            offer = repository.publish(asked.models, keys)
            print(f"release {offer.release} is published: {', '.join(offer.files)}")
        elif asked.command == "rotate":
            repository.rotate(asked.role, keys)
            print(f"the {asked.role} key is replaced; keep the old one until every gateway has been online")
        else:
            getattr(repository, asked.command)(keys)
            print(f"{asked.folder}: done")
    except EdgeAgentError as error:
        print(f"models.repository: {error}", file=sys.stderr)
        return 1
    return 0


def _password(path: Path | None) -> bytes:
    if path is not None:
        return path.read_bytes().strip()
    return getpass.getpass("password of the keys: ").encode()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m models.repository",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--keys", type=Path, required=True, metavar="DIR", help="folder of the private keys")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="default: it is asked for")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, told in (("init", "keys and a repository"), ("refresh", "it is current")):
        commands.add_parser(name, help=told).add_argument("folder", type=Path)
    publish = commands.add_parser("publish", help="a directory of models as the next release")
    publish.add_argument("folder", type=Path)
    publish.add_argument("models", type=Path, metavar="MODELS", help="manifest.json and its files")
    rotate = commands.add_parser("rotate", help="replace a key")
    rotate.add_argument("folder", type=Path)
    rotate.add_argument("role", choices=ROLES)
    return parser


if __name__ == "__main__":
    sys.exit(main())
