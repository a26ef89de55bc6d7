"""The technician's page: first paint on a throttled phone; alert to screen beside many open pages; growth.

The browser is a real one with one page. The other open pages are streams of events that are read and thrown
away: twenty tabs would take the cores that agent and broker are to have, and a site's phones bring their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import httpx
from paho.mqtt.client import Client
from playwright.sync_api import Browser, Page

from tests.bench.latency import CUT, PROBE, connected, tell
from tests.bench.memory import slope
from tests.bench.report import Figure, at_most, middle, percentile
from tests.bench.rig import SitePlan, agent, broker, cpu_s, folder, resident_mib, steady
from tests.rig.agent import Agent
from tests.rig.browser import chromium, page_of, sign_in

CHARGERS, RATE, PAGES = 200, 200, 20
PAINT_MS, ALERT_MS, MOST_KIB = 1_000.0, 1_000.0, 150.0
LOADS = 9
# As Lighthouse throttles for a phone on slow 4G.
SLOW_4G = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8}
CPU_SLOWER = 4
ALERT_EVERY_S = 10.0
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
# When the probe's tile turns critical, by the clock that the publisher has too.
WATCH = """() => {
  window.seen = [];
  let was = false;
  new MutationObserver(() => {
    const titles = [...document.querySelectorAll(".tile.critical h2")];
    const is = titles.some((title) => title.innerText.startsWith("PROBE"));
    if (is && !was) window.seen.push(Date.now());
    was = is;
  }).observe(document.body, {subtree: true, childList: true, attributes: true, characterData: true});
}"""


def measure(minutes: float) -> list[Figure]:
    """Return the figures; alerts are raised for so many minutes."""
    with (
        folder() as place,
        broker(place, SitePlan(chargers=CHARGERS, others=(PROBE,))) as mosquitto,
        agent(place, mosquitto, {"limits": {"chargers": CHARGERS + 1}}) as process,
        chromium() as browser,
    ):
        figures = _first_paint(browser, process)
        with steady(mosquitto, CHARGERS, RATE, 0.0) as background, _open_pages(process, PAGES - 1):
            figures += _beside_pages(browser, process, mosquitto.port, 60 * minutes)
        rate = Figure(name="messages meanwhile", value=background["per_second"], unit="msg/s")
    return [*figures, rate]


def _noting(received: list[float]) -> Callable[[dict[str, Any]], None]:
    return lambda event: received.append(event["encodedDataLength"])


def _first_paint(browser: Browser, process: Agent) -> list[Figure]:
    """Load the page as a phone that has never been there, several times."""
    painted: list[float] = []
    sizes: list[float] = []
    for _ in range(LOADS):
        with page_of(browser, process.url) as page:
            told = page.context.new_cdp_session(page)
            told.send("Network.enable")
            told.send("Network.emulateNetworkConditions", SLOW_4G)
            told.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWER})
            received: list[float] = []
            told.on("Network.loadingFinished", _noting(received))
            page.goto("/", wait_until="networkidle")
            painted.append(float(page.evaluate(FIRST_PAINT)))
            sizes.append(sum(received) / 1024)
    return [
        Figure(
            name="first paint on a throttled phone",
            value=middle(painted),
            unit="ms",
            aim=at_most(PAINT_MS),
            note=f"median of {LOADS} first visits; 1.6 Mbit/s, 150 ms, processor {CPU_SLOWER} times slower",
            samples=tuple(painted),
        ),
        Figure(name="transferred on a first visit", value=middle(sizes), unit="KiB", aim=at_most(MOST_KIB)),
    ]


def _beside_pages(browser: Browser, process: Agent, port: int, seconds: float) -> list[Figure]:
    with page_of(browser, process.url) as page, connected(port, PROBE) as charger:
        sign_in(page, process.key("technician"))
        told = page.context.new_cdp_session(page)
        tell(charger)
        page.evaluate(WATCH)
        used, began = cpu_s(process.pid), time.monotonic()
        late_ms, heaps = _alerts(page, told, charger, seconds)
        share = (cpu_s(process.pid) - used) / (time.monotonic() - began)
    half = len(heaps) // 2
    growth = slope([at for at, _ in heaps[half:]], [mib for _, mib in heaps[half:]]) * 3600
    return [
        Figure(
            name=f"alert to screen beside {PAGES} open pages, p99",
            value=percentile(late_ms, 99),
            unit="ms",
            aim=at_most(ALERT_MS),
            note=f"median {middle(late_ms):.0f} ms of {len(late_ms)} alerts",
            samples=tuple(late_ms),
        ),
        Figure(name="the agent's processor meanwhile", value=100 * share, unit="% of a core"),
        Figure(name="the agent's memory meanwhile", value=resident_mib(process.pid), unit="MiB"),
        Figure(
            name="growth of the page over the second half",
            value=growth,
            unit="MiB/h",
            note=f"heap after collection, {heaps[0][1]:.1f} to {heaps[-1][1]:.1f} MiB",
            samples=tuple(mib for _, mib in heaps),
        ),
    ]


def _alerts(
    page: Page, told: Any, charger: Client, seconds: float
) -> tuple[list[float], list[tuple[float, float]]]:
    """Raise an alert now and then; return how late each came, and (at, MiB) of the page's heap."""
    late_ms: list[float] = []
    heaps: list[tuple[float, float]] = []
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        published = time.time()
        tell(charger, CUT)
        page.wait_for_function("count => window.seen.length > count", arg=len(late_ms))
        late_ms.append(page.evaluate("window.seen.at(-1)") - 1000 * published)
        tell(charger)
        page.wait_for_function("() => !document.querySelector('.tile.critical')", timeout=3_600_000)
        told.send("HeapProfiler.collectGarbage")
        heaps.append((time.monotonic(), page.evaluate("performance.memory.usedJSHeapSize") / 2**20))
        page.wait_for_timeout(1000 * ALERT_EVERY_S)
    return late_ms, heaps


@contextmanager
def _open_pages(process: Agent, count: int) -> Iterator[None]:
    """Let so many streams of events be read."""
    ended = Event()
    key = process.key("viewer")
    threads = [Thread(target=_read, args=(process.url, key, ended), daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join(30.0)


def _read(url: str, key: str, ended: Event) -> None:
    with (
        httpx.Client(base_url=url, headers={"X-API-Key": key}, timeout=60.0) as client,
        client.stream("GET", "/api/v1/events") as news,
    ):
        for _ in news.iter_raw():
            if ended.is_set():
                return
