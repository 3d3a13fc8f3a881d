"""What ``langgraph.json`` names as ``http.app``: pages that may ask from a browser, and the wall."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from app.files import NoSuchPart, SharedFiles
from domain.errors import NotFound, PostHubError
from runtime.server.callers import Callers
from runtime.server.opened import services
from runtime.server.wall import Wall
from runtime.settings import load
from store.content.file_links import ROUTE
from store.people.keys import Keys

_settings = load()
_callers: Callers | None = None


async def callers() -> Callers:
    """Return what callers are looked up with, on the services of this process."""
    global _callers
    if _callers is None:
        _callers = Callers(Keys((await services()).database), _settings.cors_origins)
    return _callers


_PAGES = Middleware(
    CORSMiddleware,
    allow_origins=_settings.cors_origins,
    allow_methods=["*"],
    allow_headers=["*"],
    allow_private_network=True,
    expose_headers=["content-location", "location", "x-pagination-total", "x-pagination-next"],
)


async def shared_file(request: Request) -> Response:
    """A picture or clip, for whoever holds its signed address."""
    ports = (await services()).ports
    files = SharedFiles(ports.links, ports.items, ports.files)
    token, wanted = request.path_params["token"], request.headers.get("range", "")
    try:
        opened = await files.open(token, wanted, datetime.now(UTC))
    except NoSuchPart as error:
        return Response(status_code=416, headers={"content-range": f"bytes */{error.details['size']}"})
    except NotFound as error:
        return JSONResponse({"detail": str(error)}, status_code=404)
    except PostHubError as error:
        return JSONResponse({"detail": str(error)}, status_code=503)
    headers = {
        **_INERT,
        "content-length": str(opened.last - opened.first + 1),
        "content-disposition": f'inline; filename="{opened.name}"',
    }
    if opened.partial:
        headers["content-range"] = f"bytes {opened.first}-{opened.last}/{opened.size}"
    status = 206 if opened.partial else 200
    return StreamingResponse(opened.body, status, headers, opened.media_type)


_INERT = {
    "accept-ranges": "bytes",
    "cache-control": "private, max-age=3600",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "cross-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""Pages of other origins may show it, nobody may run it, and its address is passed on to nobody."""

app = Starlette(
    routes=[Route(f"{ROUTE}{{token}}", shared_file)], middleware=[_PAGES, Middleware(Wall, callers=callers)]
)
"""The server puts its own routes behind these."""
