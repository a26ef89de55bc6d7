"""`edge-agent certificate`: one of the gateway's own for the LAN interface, for a site that has none."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent.config import load
from edge_agent.errors import EdgeAgentError

if TYPE_CHECKING:
    from collections.abc import Sequence

DAYS = 825
"""Phones refuse what is valid for longer."""
TIMEOUT_S = 30.0


def certificate(config_path: Path | None, names: Sequence[str], *, renew: bool) -> int:
    """Make a certificate and its key for these names besides the host's own; print how to know it by.

    Raises EdgeAgentError where there is one and it is not to be renewed, or openssl cannot make it.
    """
    config, _ = load(config_path)
    web = config.web
    cert = web.tls_cert or web.keys_file.with_name("tls.pem")
    key = web.tls_key or web.keys_file.with_name("tls.key")
    if not renew and (cert.exists() or key.exists()):
        raise EdgeAgentError(f"{cert} is there already; --renew makes another, which each browser asks about")
    host = socket.gethostname()
    _make(cert, key, [*dict.fromkeys([host, f"{host}.local", "localhost", "127.0.0.1", *names])])
    print(f"{cert} is valid for {DAYS} days. A browser asks about it once; it is ours where it shows")
    print(f"  SHA-256 {_fingerprint(cert)}")
    if web.tls_cert is None:
        print(f'To use it, write into [web]:\n  tls_cert = "{cert}"\n  tls_key = "{key}"')
    return 0


def _make(cert: Path, key: Path, names: Sequence[str]) -> None:
    fresh = [path.with_name(f"{path.name}.new") for path in (cert, key)]
    alternatives = ",".join(f"{'IP' if _is_address(name) else 'DNS'}:{name}" for name in names)
    command = [
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
        *("-days", str(DAYS), "-subj", f"/CN={names[0]}", "-addext", f"subjectAltName={alternatives}"),
        *("-addext", "extendedKeyUsage=serverAuth", "-out", str(fresh[0]), "-keyout", str(fresh[1])),
    ]
    before = os.umask(0o027)  # the group of the daemon may read the key, and nobody else
    try:
        subprocess.run(  # noqa: S603 - what is asked for is an argument, and no shell reads it
            command, check=True, capture_output=True, text=True, timeout=TIMEOUT_S
        )
        for made, wanted in zip(fresh, (cert, key), strict=True):
            made.replace(wanted)
    except FileNotFoundError:
        raise EdgeAgentError("openssl is not here; install it, or give the site's own certificate") from None
    except (subprocess.SubprocessError, OSError) as error:
        why = getattr(error, "stderr", None) or str(error)
        raise EdgeAgentError(f"{cert} cannot be made: {why.strip().splitlines()[-1]}") from None
    finally:
        os.umask(before)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _fingerprint(cert: Path) -> str:
    told = sha256(ssl.PEM_cert_to_DER_cert(cert.read_text(encoding="ascii"))).hexdigest().upper()
    return ":".join(told[place : place + 2] for place in range(0, len(told), 2))
