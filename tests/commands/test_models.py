"""`edge-agent models` against a real static file server: what comes, and every attack that must not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.repository import Keys, Repository
from tests.rig.broker import missing
from tests.rig.repository import PASSWORD, Gateway, Publisher, Server, Spoil, served

ROOT = Path(__file__).parents[2]
# tuf's client has no way to close its connections; the command's process ends with them.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    """One with release 2 in its repository."""
    made = Publisher(tmp_path / "publisher")
    made.publish(2)
    return made


@pytest.fixture
def server(publisher: Publisher) -> Iterator[Server]:
    with served(publisher.folder) as server:
        yield server


@pytest.fixture
def gateway(tmp_path: Path, publisher: Publisher, server: Server) -> Gateway:
    return Gateway(tmp_path / "gateway", publisher.root, server.url)


@pytest.fixture
def refused(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """Asserts that a fetch is refused, why, and that nothing has changed by it."""

    def refuse(*why: str) -> None:
        before = gateway.rollout
        assert gateway.ask("fetch") == 1
        told = capsys.readouterr().err
        for each in why:
            assert each in told
        assert gateway.rollout == before
        assert gateway.ask("verify") == 0
        assert not (gateway.releases / "incoming").exists()

    return refuse


# What should come


def test_the_newest_release_comes_and_is_tried(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    assert gateway.ask("fetch") == 0
    assert gateway.candidate == 2
    assert gateway.ask("list") == 0
    told = capsys.readouterr().out
    assert "release 2    failure predictor 9.2.0, anomaly detector 2.0.0  is tried beside" in told
    assert "release 1    failure predictor 2.0.0, anomaly detector 2.0.0  judges" in told


def test_what_is_here_is_not_fetched_again_and_that_is_no_failure(
    gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.ask("fetch")
    assert gateway.ask("fetch") == 0
    assert "release 2 is not newer than 2" in capsys.readouterr().out


def test_without_a_repository_or_its_root_there_are_no_updates(
    tmp_path: Path, gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Gateway(tmp_path / "other", tmp_path / "none.json", "http://127.0.0.1:1")
    assert other.ask("fetch") == 1
    assert "trust in newer models begins with that file" in capsys.readouterr().err
    text = gateway.config.read_text()
    gateway.config.write_text("\n".join(line for line in text.splitlines() if "repository_url" not in line))
    assert gateway.ask("fetch") == 0
    assert "repository_url is not set" in capsys.readouterr().out


def test_only_the_last_three_releases_stay(gateway: Gateway, publisher: Publisher) -> None:
    for release in range(2, 7):
        if release > 2:
            publisher.publish(release)
        assert gateway.ask("fetch") == 0
        gateway.settle(release)
    gateway.ask("rollback")
    assert {path.name for path in gateway.releases.iterdir() if path.name.isdecimal()} == {"4", "5", "6"}
    assert gateway.rollout is not None
    assert (gateway.rollout.judging, gateway.rollout.refused) == (5, {6: "it was taken back by hand"})


def test_a_release_for_other_features_is_not_offered_here(
    gateway: Gateway, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.commands.models.FEATURE_VERSION", 99)
    assert gateway.ask("fetch") == 0
    assert "has no models for version 99 of the features" in capsys.readouterr().out


@pytest.mark.parametrize("role", ["root", "targets", "online"])
def test_a_key_is_replaced_and_gateways_follow(gateway: Gateway, publisher: Publisher, role: str) -> None:
    publisher.at(datetime.now(UTC)).rotate(role, publisher.keys)
    publisher.publish(3)
    assert gateway.ask("fetch") == 0
    assert gateway.candidate == 3


# What must not


def test_a_target_whose_bytes_were_changed(refused: Callable[..., None], publisher: Publisher) -> None:
    (file,) = publisher.files("*.failure_predictor.onnx")
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    refused("a file is not the one that was signed")


def test_a_target_swapped_for_another_that_is_signed_too(
    refused: Callable[..., None], publisher: Publisher
) -> None:
    (one,), (other,) = publisher.files("*.anomaly_detector.onnx"), publisher.files("*.failure_predictor.onnx")
    one.write_bytes(other.read_bytes())
    refused("a file is not the one that was signed")


def test_metadata_of_two_times_mixed(refused: Callable[..., None], publisher: Publisher) -> None:
    old = publisher.files("*.targets.json")[-1].read_bytes()
    publisher.publish(3)
    publisher.files("*.targets.json")[-1].write_bytes(old)
    refused("is refused")


@pytest.mark.parametrize("stolen", [False, True], ids=["as they were", "with the online key"])
def test_metadata_rolled_back(
    refused: Callable[..., None], gateway: Gateway, publisher: Publisher, *, stolen: bool
) -> None:
    old = {path.name: path.read_bytes() for path in (publisher.folder / "metadata").iterdir()}
    publisher.publish(3)
    gateway.ask("fetch")
    gateway.settle(3)
    for path in (publisher.folder / "metadata").iterdir():
        path.unlink()
    for file, content in old.items():
        (publisher.folder / "metadata" / file).write_bytes(content)
    for _ in range(5 if stolen else 0):  # so the old release is told by newer metadata
        publisher.at(datetime.now(UTC)).refresh(publisher.keys)
    refused("it is older than what this box has seen of it")


def test_an_old_repository_for_a_box_that_has_lost_its_memory_is_told_by_the_number(
    gateway: Gateway, publisher: Publisher, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copytree(publisher.folder, tmp_path / "old")
    publisher.publish(3)
    gateway.ask("fetch")
    gateway.settle(3)
    shutil.rmtree(gateway.releases / "metadata")
    shutil.rmtree(publisher.folder)
    (tmp_path / "old").rename(publisher.folder)
    assert gateway.ask("fetch") == 0
    assert "release 2 is not newer than 3" in capsys.readouterr().out
    assert gateway.candidate is None


def test_a_repository_frozen_at_an_old_state(refused: Callable[..., None], publisher: Publisher) -> None:
    publisher.expire()
    refused("it has expired, or this box's clock is ahead")


def test_metadata_signed_by_a_stranger(
    refused: Callable[..., None], publisher: Publisher, tmp_path: Path
) -> None:
    shutil.rmtree(publisher.folder)
    stranger = Publisher(tmp_path / "stranger")
    stranger.publish(2)
    shutil.copytree(stranger.folder, publisher.folder)
    refused("it is not signed by the keys that this box trusts")


def test_a_root_key_that_was_revoked_signs_no_more(
    refused: Callable[..., None], gateway: Gateway, publisher: Publisher, tmp_path: Path
) -> None:
    shutil.copytree(tmp_path / "publisher/keys", tmp_path / "stolen")
    publisher.at(datetime.now(UTC)).rotate("root", publisher.keys)
    gateway.ask("fetch")
    stolen = Keys(tmp_path / "stolen", PASSWORD)
    Repository(publisher.folder, datetime.now(UTC)).rotate("targets", stolen)
    refused("it is not signed by the keys that this box trusts")


def test_a_root_file_that_is_none(
    gateway: Gateway, publisher: Publisher, capsys: pytest.CaptureFixture[str]
) -> None:
    publisher.root.write_text("{}")
    assert gateway.ask("fetch") == 1
    assert "is refused" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["/timestamp.json", ".snapshot.json", ".release.json", ".onnx"])
def test_half_a_download(refused: Callable[..., None], server: Server, path: str) -> None:
    server.spoilt[path] = b"{"
    refused("cannot be read", "tried again next time")


@pytest.mark.parametrize("path", ["/timestamp.json", ".targets.json", ".manifest.json"])
def test_more_than_was_signed_or_is_sensible(refused: Callable[..., None], server: Server, path: str) -> None:
    server.spoilt[path] = b" " * 2_000_000
    refused("tried again next time")


@pytest.mark.parametrize("code", [404, 500])
def test_a_server_that_fails(refused: Callable[..., None], server: Server, code: int) -> None:
    server.spoilt["timestamp.json"] = code
    refused("cannot be read", str(code))


def test_no_server(tmp_path: Path, publisher: Publisher, capsys: pytest.CaptureFixture[str]) -> None:
    assert Gateway(tmp_path / "g", publisher.root, "http://127.0.0.1:1").ask("fetch") == 1
    assert "tried again next time" in capsys.readouterr().err


def test_a_model_that_fails_its_golden_vectors(
    gateway: Gateway, publisher: Publisher, capsys: pytest.CaptureFixture[str]
) -> None:
    publisher.publish(3)
    sign_without_checks(publisher, 4, lambda card: card["golden"]["answers"][0].__setitem__(0, 0.9))
    assert gateway.ask("fetch") == 1
    assert "golden answers are off" in capsys.readouterr().err
    assert gateway.candidate is None


def test_a_model_whose_hash_is_not_the_manifests(
    gateway: Gateway, publisher: Publisher, capsys: pytest.CaptureFixture[str]
) -> None:
    sign_without_checks(publisher, 3, lambda card: card.__setitem__("sha256", "0" * 64))
    assert gateway.ask("fetch") == 1
    assert "its SHA-256 is not the manifest's" in capsys.readouterr().err
    assert gateway.candidate is None


def test_a_manifest_of_other_features(
    gateway: Gateway, publisher: Publisher, capsys: pytest.CaptureFixture[str]
) -> None:
    sign_without_checks(publisher, 3, lambda card: card.__setitem__("feature_version", 2))
    assert gateway.ask("fetch") == 1
    assert "feature version 2, this agent computes" in capsys.readouterr().err


def test_a_manifest_whose_file_lies_elsewhere(
    gateway: Gateway, publisher: Publisher, capsys: pytest.CaptureFixture[str]
) -> None:
    sign_without_checks(publisher, 3, lambda card: card.__setitem__("file", "../../../etc/shadow"))
    assert gateway.ask("fetch") == 1
    assert "refused" in capsys.readouterr().err


def test_a_release_that_was_refused_here_does_not_come_again(
    gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.ask("fetch")
    gateway.ask("rollback")
    assert gateway.ask("fetch") == 0
    assert "release 2 was refused here: it was taken back by hand" in capsys.readouterr().out
    assert gateway.candidate is None


def test_while_one_is_tried_the_next_has_to_wait(
    gateway: Gateway, publisher: Publisher, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.ask("fetch")
    publisher.publish(3)
    assert gateway.ask("fetch") == 0
    assert "release 2 is being tried; release 3 has to wait" in capsys.readouterr().out


def test_two_fetches_at_once(gateway: Gateway, refused: Callable[..., None]) -> None:
    import fcntl  # noqa: PLC0415

    gateway.releases.mkdir(parents=True)
    with (gateway.releases / ".fetching").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused("models are being fetched already")


def sign_without_checks(publisher: Publisher, release: int, spoil: Spoil) -> None:
    """Publish as somebody would who has the keys and not our tool."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("models.repository.load_failure", lambda _: None)
        patched.setattr("models.repository.load_anomaly", lambda _: None)
        files = ["manifest.json", "failure_predictor.onnx", "anomaly_detector.onnx"]
        patched.setattr("models.repository._files", lambda _: files)
        publisher.publish(release, spoil=spoil)


# A full disk, and power that is lost


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        missing("may not mount a small file system here (needs root)")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(
    tmp_path: Path, publisher: Publisher, server: Server, small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway = Gateway(tmp_path / "g", publisher.root, server.url, small_disk)
    assert gateway.ask("fetch") == 1
    assert "No space left on device" in capsys.readouterr().err
    assert gateway.candidate is None
    assert gateway.ask("verify") == 0
    subprocess.run(["mount", "-o", "remount,size=2m", str(small_disk)], check=True)
    assert gateway.ask("fetch") == 0
    assert gateway.candidate == 2


DYING = """
import os, sys
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime
from edge_agent.cli import main
from edge_agent.adapters import repository
from edge_agent.commands import models

CHANGES = ("mkdir", "fsync", "replace", "rename", "rmdir", "unlink", "symlink", "remove")
left = 0

def dies_before(call):
    def wrapped(*arguments, **named):
        global left
        left -= 1
        if left < 0:
            os._exit(77)
        return call(*arguments, **named)
    return wrapped

for step, config in enumerate(sys.argv[1:]):
    child = os.fork()
    if child == 0:
        left = step
        for name in CHANGES:
            setattr(os, name, dies_before(getattr(os, name)))
        os._exit(main(["--config", config, "models", "fetch"]))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(code, file=sys.stderr)
    if code == 0:
        break
"""
MOST_STEPS = 60


def test_power_that_is_lost_before_any_step_leaves_the_old_release_or_the_whole_new_one(
    tmp_path: Path, publisher: Publisher, server: Server
) -> None:
    gateways = [Gateway(tmp_path / f"g{step}", publisher.root, server.url) for step in range(MOST_STEPS)]
    command = [sys.executable, "-c", DYING, *(str(gateway.config) for gateway in gateways)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    codes = [int(line) for line in done.stderr.splitlines()]
    assert len(codes) > 15
    assert codes == [77] * (len(codes) - 1) + [0]
    for gateway in gateways[: len(codes)]:
        assert gateway.candidate in (None, 2)
        assert gateway.ask("verify") == 0
        gateway.ask("fetch")
        assert gateway.candidate == 2


# On a stick


def test_a_copy_on_a_stick_comes_without_any_network(tmp_path: Path, publisher: Publisher) -> None:
    stick = tmp_path / "my stick"
    shutil.copytree(publisher.folder, stick)
    gateway = Gateway(tmp_path / "g", publisher.root, "http://127.0.0.1:1")
    assert gateway.ask("install", str(stick)) == 0
    assert gateway.candidate == 2
    assert gateway.ask("install", str(stick)) == 1


def test_a_stick_that_was_long_on_its_way_is_taken_on_demand_and_only_where_it_is_newer(
    tmp_path: Path, publisher: Publisher, capsys: pytest.CaptureFixture[str]
) -> None:
    publisher.expire()
    gateway = Gateway(tmp_path / "g", publisher.root, "http://127.0.0.1:1")
    assert gateway.ask("install", str(publisher.folder)) == 1
    assert "it has expired" in capsys.readouterr().err
    assert gateway.ask("install", "--accept-expired", str(publisher.folder)) == 0
    gateway.settle(2)
    assert gateway.ask("install", "--accept-expired", str(publisher.folder)) == 1
    assert "release 2 is not newer than 2" in capsys.readouterr().err


def test_a_stick_is_no_way_round_the_signatures(tmp_path: Path, publisher: Publisher) -> None:
    (file,) = publisher.files("*.failure_predictor.onnx")
    file.unlink()
    file.symlink_to("/etc/passwd")
    gateway = Gateway(tmp_path / "g", publisher.root, "http://127.0.0.1:1")
    assert gateway.ask("install", "--accept-expired", str(publisher.folder)) == 1
    assert gateway.candidate is None
    assert b"root:" not in b"".join(
        path.read_bytes() for path in gateway.releases.rglob("*") if path.is_file()
    )


def test_a_stick_without_a_repository(
    tmp_path: Path, gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gateway.ask("install", str(tmp_path)) == 1
    assert "it needs the folders metadata and targets" in capsys.readouterr().err


# Going back


def test_there_must_be_something_to_go_back_to(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    assert gateway.ask("rollback") == 1
    assert "there is nothing older than release 1" in capsys.readouterr().err
    assert gateway.ask("rollback", "7") == 1
    assert "release 7 cannot be gone back to" in capsys.readouterr().err


def test_a_damaged_release_is_told_by_verify(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.ask("fetch")
    (gateway.releases / "2/failure_predictor.onnx").write_bytes(b"")
    assert gateway.ask("verify") == 1
    assert "release 2: failure_predictor.onnx: its SHA-256 is not the manifest's" in capsys.readouterr().out
    assert json.loads((gateway.releases / "rollout.json").read_text())["judging"] == 1
