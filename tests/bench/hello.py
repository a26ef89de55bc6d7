"""The least that the agent's web server can serve: Starlette's hello-world. A child process.

    python -m tests.bench.hello PORT

uvicorn with the settings that matter as the agent has them: httptools, asyncio, no access log, no lifespan.
"""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.rig.waiting import HOST


async def hello(_request: Request) -> JSONResponse:
    return JSONResponse({"hello": "world"})


def main() -> None:
    """See above."""
    uvicorn.run(
        Starlette(routes=[Route("/", hello, methods=["GET", "POST"])]),
        host=HOST,
        port=int(sys.argv[1]),
        loop="asyncio",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )


if __name__ == "__main__":
    main()
