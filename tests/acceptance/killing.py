"""Runs months that are killed at a named point; used as a program by the kill matrix.

Everything heavy is imported, and every template compiled, once; each month runs in a forked child, so that a kill
point costs a month and not an import. Reads one JSON command a line from standard input, answers with one JSON line
when the child has ended.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import text

from domain.calls import Call
from domain.month_request import parse
from gateway.build import preload
from prompts.files import shipped
from runtime.services import Services, open_services
from runtime.settings import load
from store.tenancy import SYSTEM

_HELD = text("""
select 1 from attempts a join jobs j on j.id = a.job_id
 where j.run_id = :run_id and j.node = :node and j.item = :item and a.state = 'held'""")


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("killed")


class Killer:
    """The gateway, but the process dies at one call: before it, inside it, or after its answer."""

    def __init__(self, services: Services, node: str, item: str, phase: str) -> None:
        self._real = services.ports.gateway
        self._database = services.database
        self._point = (node, item)
        self._phase = phase

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name not in {"structured", "stream_structured", "search", "image", "video"}:
            return real

        async def call(call: Call, *args: Any) -> Any:
            return await self._at(call, lambda: real(call, *args))

        return call

    async def _at(self, call: Call, work: Callable[[], Awaitable[Any]]) -> Any:
        if (call.node, call.item) != self._point:
            return await work()
        if self._phase == "before":
            die()
        if self._phase == "inside":
            paid = asyncio.ensure_future(work())
            await self._sent(call, paid)
            die()
        await work()
        return die()

    async def _sent(self, call: Call, paid: asyncio.Future[Any]) -> None:
        values = {"run_id": call.run_id, "node": call.node, "item": call.item}
        while not paid.done():
            async with self._database.transaction(SYSTEM) as connection:
                if await connection.scalar(_HELD, values):
                    return


async def month(command: dict[str, Any]) -> None:
    """Start or resume a month; the thread id goes to a file before any work is done."""
    async with open_services(load(command["environment"])) as services:
        point = command.get("point")
        if point:
            ports = replace(services.ports, gateway=Killer(services, *point))  # type: ignore[arg-type]
            services = replace(services, ports=ports)
        months = services.months
        thread = command.get("thread")
        if not thread:
            request = parse(command["request"], today=datetime.now(UTC).date())
            thread = await months.start(request, out=Path(command["out"]))
            Path(command["thread_file"]).write_text(thread)
        async for event in months.advance(thread):
            if point and point[0] == event.get("step") and point[2] == "announced":
                die()


def child(command: dict[str, Any]) -> None:
    try:
        asyncio.run(month(command))
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def serve() -> None:
    preload("litellm")
    for template in shipped():
        template.render(template.examples)
    print(json.dumps({"ready": True}), flush=True)  # noqa: T201
    for line in sys.stdin:
        command = json.loads(line)
        process = os.fork()
        if process == 0:
            child(command)
        _, status = os.waitpid(process, 0)
        print(json.dumps({"status": os.waitstatus_to_exitcode(status)}), flush=True)  # noqa: T201


if __name__ == "__main__":
    serve()
