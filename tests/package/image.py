"""The image: built by buildah over a Debian root, run by bubblewrap, which needs no shell in it."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.package.debian import HERE, Root, said

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = HERE.parents[1]
BASE, NAME = "localhost/debian", "localhost/edge-agent"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
USER = 990


class Image(NamedTuple):
    """An image's files, a volume of its own, and what it says of itself."""

    files: Path
    volume: Path
    settings: dict[str, Any]
    size: int
    """Bytes."""

    def run(self, *command: str) -> str:
        """Run a command as its user, on a read-only root with no network; return what it prints.

        Raises Failed.
        """
        bubble = [
            *("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"),
            *("bwrap", "--die-with-parent", "--unshare-user", "--unshare-pid", "--unshare-net", "--clearenv"),
            *(word for each in self.settings["Env"] for word in ("--setenv", *each.split("=", 1))),
            *("--ro-bind", str(self.files), "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),
            *("--ro-bind", str(self.files.parent / "cpuinfo"), "/proc/cpuinfo", "--ro-bind", "/sys", "/sys"),
            *("--bind", str(self.volume), "/var/lib/edge-agent"),
        ]
        return said([*bubble, *command], " ".join(command))

    def agent(self, *arguments: str) -> str:
        """Run its entry point. Raises Failed."""
        return self.run(*self.settings["Entrypoint"], *arguments)

    def run_until_healthy(self) -> str:
        """Run what it runs by default until its own check calls it healthy; return what was said.

        Raises Failed.
        """
        daemon = [*self.settings["Entrypoint"], *self.settings["Cmd"]]
        asked = self.settings["Healthcheck"]["Test"][1:]
        script = (HERE / "inside/healthy.py").read_text()
        return self.run("python3", "-c", script, json.dumps(daemon), json.dumps(asked))


@contextmanager
def built(base: Root, folder: Path) -> Iterator[Image]:
    """Yield the image that the Dockerfile makes over a root. Raises Failed."""
    storage = folder / "storage"
    _trust_what_we_trust(base)
    holder = _buildah(storage, "from", "--arch", "arm64", "scratch")
    _buildah(storage, "add", holder, str(base.path), "/")
    _buildah(storage, "commit", "--quiet", holder, BASE)
    options = ["--platform", "linux/arm64", "--file", "Dockerfile.arm64", "--build-arg", f"BASE={BASE}"]
    _buildah(storage, "build", *options, "--tag", NAME, str(CHECKOUT))
    told = json.loads(_buildah(storage, "inspect", "--type", "image", NAME))
    size = sum(layer["size"] for layer in json.loads(told["Manifest"])["layers"])
    made = _buildah(storage, "from", "--arch", "arm64", "--pull-never", NAME)
    files, volume = folder / "files", folder / "volume"
    shutil.copytree(_buildah(storage, "mount", made), files, symlinks=True)
    _buildah(storage, "unmount", made)
    shutil.copyfile(HERE / "inside/cpuinfo", folder / "cpuinfo")
    folder.chmod(0o711)
    volume.mkdir()
    os.chown(volume, USER, USER)
    yield Image(files, volume, told["Docker"]["config"], size)


def _trust_what_we_trust(base: Root) -> None:
    """Have pip in a root reach the package registry as this machine does."""
    if CERTIFICATES.exists():
        (base.path / "etc/ssl/certs").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CERTIFICATES, base.path / CERTIFICATES.relative_to("/"))
        (base.path / "etc/pip.conf").write_text(f"[global]\ncert = {CERTIFICATES}\n")


def _buildah(storage: Path, *arguments: str) -> str:
    """Return what buildah prints, no line's end. Raises Failed."""
    kept = ["--storage-driver", "vfs", "--root", str(storage / "root"), "--runroot", str(storage / "run")]
    own = {"BUILDAH_ISOLATION": "chroot", "BUILDAH_FORMAT": "docker"}
    return said(["buildah", *kept, *arguments], f"buildah {arguments[0]}", {**os.environ, **own}).strip()
