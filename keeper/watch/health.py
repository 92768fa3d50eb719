"""/metrics and /health over HTTP, the latter failing when the keeper does not do its work."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Health:
    """What the loop tells of itself; wall-clock seconds."""

    quiet_after: float
    """Without an answer from the chain for longer, the keeper is not well."""
    clock: Callable[[], float] = time.monotonic
    head: int = -1
    last: float | None = None
    failure: str = ""
    failing: dict[str, str] = field(default_factory=dict)

    def handled(self, head: int) -> None:
        """A head went through, or the chain was found quiet at it."""
        self.head, self.last, self.failure = head, self.clock(), ""

    def failed(self, reason: str) -> None:
        """The last head did not go through."""
        self.failure = reason

    @property
    def problems(self) -> list[str]:
        """Why the keeper is not well; empty if it is."""
        found = [self.failure] if self.failure else []
        if self.last is None:
            found.append("no head yet")
        elif self.clock() - self.last > self.quiet_after:
            found.append(f"no head handled for {self.clock() - self.last:.0f} s")
        return found

    def report(self) -> dict[str, object]:
        """As /health shows it."""
        return {"ok": not self.problems, "problems": self.problems, "head": self.head, "failing": self.failing}


async def serve(health: Health, host: str, port: int) -> web.AppRunner:
    """Start to serve; `cleanup()` of what is returned ends it."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def state(_: web.Request) -> web.Response:
        report = health.report()
        return web.json_response(report, status=200 if report["ok"] else 503)

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/health", state)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    log.info("serving metrics", address=[list(address)[:2] for address in runner.addresses])
    return runner
