"""What ``langgraph.json`` names as ``http.app``: pages that may ask from a browser, and the wall."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from runtime.entry import services
from runtime.server.callers import Callers
from runtime.server.wall import Wall
from runtime.settings import load
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
app = Starlette(middleware=[_PAGES, Middleware(Wall, callers=callers)])
"""The server puts its own routes behind these."""
