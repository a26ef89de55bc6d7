"""`edge-agent run`: the daemon."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from edge_agent import __version__, logs
from edge_agent.clock import SystemClock
from edge_agent.config import load
from edge_agent.notify import ServiceManager
from edge_agent.reloading import Reloading
from edge_agent.service import Service

if TYPE_CHECKING:
    from pathlib import Path

SWITCH_INTERVAL_S = 0.0005
"""The GIL changes hands so often: beside a busy thread REST's p99 is 2.5 ms and not 6.4."""

GC_AFTER = 20_000
"""New objects before the collector looks: readings die at once without it, and looking cost a tenth."""

log = logging.getLogger(__name__)


def run(config_path: Path | None) -> int:
    """Serve until SIGTERM or SIGINT; at SIGHUP, read the configuration again.

    Raises ConfigError, StoreError, BrokerError.
    """
    logs.set_up(os.environ)
    config, unknown = load(config_path)
    for sentence in unknown:
        log.warning("unknown setting ignored", extra={"setting": sentence})
    manager = ServiceManager(os.environ)
    service = Service(config, SystemClock(), manager)
    service.bind()
    reloading = Reloading(config, lambda: load(config_path), service.apply, manager)
    signal.signal(signal.SIGHUP, lambda *_: reloading.ask())
    service.each_second(reloading.look)
    return serve(service)


def serve(service: Service) -> int:
    """Run a service on this thread, the main one, until a signal ends it; return the exit code."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.freeze()
    gc.set_threshold(GC_AFTER)
    threading.stack_size(512 * 1024)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.supervisor.end())
    log.info("starting", extra={"version": __version__})
    code = service.run()
    log.info("stopped", extra={"failed": service.supervisor.failed})
    return code
