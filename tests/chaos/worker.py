"""One of the two processes that buy while everything around them fails; a program of the chaos run.

Imports everything once and forks for each life, so that a kill costs no import. Reads one JSON command a line from
standard input; answers with the child's pid, and with its exit status when it has ended.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import runtime.services
from domain.calls import Call, ImageRequest, JobKind, SearchRequest, TextRequest, VideoRequest
from domain.errors import BudgetExceeded, PostHubError, StoreUnavailable
from gateway.build import preload
from gateway.config import GatewayConfig
from gateway.gateway import Gateway
from runtime.settings import Settings, load

SHARED = 25
"""One text in so many is asked for by both processes, as one job."""
STORE_AWAY = 3
"""Exit status of a life that began, or ended, while PostgreSQL was away."""
CANCELLED = 25
"""One call in so many is cancelled on its way and made again."""
_SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 2}, "age": {"type": "integer", "minimum": 18}},
    "required": ["name", "age"],
}
_PAUSE_SECONDS = 0.3


def short_deadlines(make: Callable[[Settings], GatewayConfig]) -> Callable[[Settings], GatewayConfig]:
    """A provider that never answers must not take two minutes of a run of ten."""

    def made(settings: Settings) -> GatewayConfig:
        return replace(
            make(settings),
            text_seconds=5.0,
            image_seconds=10.0,
            submit_seconds=5.0,
            video_seconds=10.0,
            poll_seconds=0.3,
            max_backoff_seconds=2.0,
            call_seconds=25.0,
        )

    return made


class Worker:
    """Makes call after call, many at once, until the time is over; each until it is answered or refused."""

    def __init__(self, gateway: Gateway, command: dict[str, Any]) -> None:
        self._gateway = gateway
        self._slot = int(command["slot"])
        self._seed = command["seed"]
        self._organizations = command["organizations"]
        self._shared = bool(command["shared"])
        self._progress = Path(command["progress"])
        self._tally = Path(command["tally"])
        self._ends_at = float(command["ends_at"])
        self._gives_up_at = float(command["gives_up_at"])
        self._done: set[int] = set()
        self._low, self._begun = self._read_progress()
        self._next = self._low
        self.counts: Counter[str] = Counter()

    @property
    def run_id(self) -> str:
        return f"chaos-{self._slot}"

    def _read_progress(self) -> tuple[int, int]:
        """From which number on to make calls, and the number before which earlier lives have begun all."""
        if not self._progress.exists():
            return 0, 0
        low, begun = map(int, self._progress.read_text().split())
        # A little is gone over again: what is settled must be answered without being bought.
        return max(0, low - 20), begun

    def _keep_progress(self) -> None:
        beside = self._progress.with_suffix(".new")
        beside.write_text(f"{self._low} {self._begun}")
        beside.rename(self._progress)

    async def run(self, at_once: int) -> None:
        try:
            await asyncio.gather(*(self._lane() for _ in range(at_once)))
        finally:
            self._tally.write_text(json.dumps(self.counts))

    async def _lane(self) -> None:
        # What an earlier life began is ended even after the time: a clip that is still to come holds its money.
        while time.time() < self._ends_at or self._next < self._begun:
            number = self._next
            self._next += 1
            self._begun = max(self._begun, self._next)
            self._keep_progress()
            await self._until_answered(number)
            self._finished(number)

    def _finished(self, number: int) -> None:
        self._done.add(number)
        while self._low in self._done:
            self._done.discard(self._low)
            self._low += 1
        self._keep_progress()

    async def _until_answered(self, number: int) -> None:
        pick = random.Random(f"{self._seed}/{self._slot}/{number}")
        again = 0
        while True:
            try:
                await self._once(number, pick, cancel=pick.randrange(CANCELLED) == 0 and again == 0)
                self.counts["answered"] += 1
                return
            except BudgetExceeded:
                self.counts["refused"] += 1
                return
            except asyncio.CancelledError:
                if asyncio.current_task().cancelling():  # type: ignore[union-attr]
                    raise
                self.counts["cancelled"] += 1
            except PostHubError as error:
                self.counts[error.code] += 1
                if error.code in {"AI_BAD_OUTPUT", "AI_CONTENT_BLOCKED", "AI_OUTPUT_TRUNCATED"}:
                    return  # stored with the job: asking again brings the same
            if time.time() > self._gives_up_at:
                raise TimeoutError(f"call {number} was never answered")
            again += 1
            await asyncio.sleep(_PAUSE_SECONDS * pick.uniform(0.5, 2))

    async def _once(self, number: int, pick: random.Random, *, cancel: bool) -> None:
        task = asyncio.ensure_future(self._make(number))
        if cancel:
            await asyncio.wait([task], timeout=pick.uniform(0, 0.4))
            task.cancel()
        await task

    async def _make(self, number: int) -> Any:
        """The call of a number is the same in every life of the process."""
        shared = self._shared and number % SHARED == 0
        pick = random.Random(f"{self._seed}/{'shared' if shared else self._slot}/{number}")
        run = "chaos-shared" if shared else self.run_id
        organization = pick.choice(self._organizations)
        call = Call(
            organization,
            f"{organization}-company",
            run,
            "ultimate",
            JobKind.GENERATE_BLOGPOST,
            "chaos",
            f"i-{number}",
        )
        words = " ".join(pick.choice(("káva", "mlýn", "pražírna", "šálek", "chuť")) for _ in range(8))
        request = TextRequest("text", "Jsi autor.", f"Napiš větu číslo {number}: {words}.", 600)
        way = pick.random()
        if shared or way < 0.62:
            return await self._gateway.text(call, request)
        if way < 0.78:
            return [piece async for piece in self._gateway.stream(call, request)]
        if way < 0.86:
            return await self._gateway.structured(call, replace(request, schema=_SCHEMA), dict)
        if way < 0.95:
            return await self._gateway.search(call, SearchRequest(f"Co dělá pražírna {number}? {words}"))
        if way < 0.98:
            return await self._gateway.image(call, ImageRequest(f"Šálek {number}", "blurry", "1:1"))
        return await self._gateway.video(call, VideoRequest(f"Pára {number}", "text", "9:16", 6))


def _awaited(task: asyncio.Task[Any]) -> str:
    """Where a task stands, from its outermost coroutine to what it waits for."""
    names, at = [], task.get_coro()
    while at is not None:
        names.append(str(getattr(at, "__qualname__", type(at).__name__)))
        at = getattr(at, "cr_await", None) or getattr(at, "ag_await", None)  # type: ignore[assignment]
    return " > ".join(names)


async def end_at(when: float, log: Path) -> None:
    """What still hangs then is a finding: it is written down, and the process ends."""
    await asyncio.sleep(max(0.0, when - time.time()))
    hanging = Counter(_awaited(task) for task in asyncio.all_tasks())
    with log.open("a") as file:
        file.write("".join(f"hangs x{count}: {where}\n" for where, count in hanging.most_common()))
    os._exit(4)


async def live(command: dict[str, Any]) -> None:
    end = asyncio.create_task(end_at(float(command["gives_up_at"]), Path(command["log"])))
    configure = short_deadlines(runtime.services.gateway_config)
    setattr(runtime.services, "gateway_config", configure)  # noqa: B010
    async with runtime.services.open_services(load(command["environment"])) as services:
        worker = Worker(services.gateway, command)
        for organization in command["organizations"]:
            await services.ledger.close_orphans(organization, worker.run_id)
        await worker.run(int(command["at_once"]))
    end.cancel()


def child(command: dict[str, Any]) -> None:
    sys.stdin.close()
    try:
        asyncio.run(live(command))
    except StoreUnavailable:
        os._exit(STORE_AWAY)
    except BaseException:
        with Path(command["log"]).open("a") as log:
            traceback.print_exc(file=log)
        os._exit(1)
    os._exit(0)


def _say(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def serve() -> None:
    preload("litellm")
    _say(ready=True)
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            child(json.loads(line))
        _say(pid=process)
        _, status = os.waitpid(process, 0)
        _say(status=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    serve()
