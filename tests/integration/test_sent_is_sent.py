"""A connection that breaks after the request left is in doubt, however it breaks and whoever was asked.

The sandbox answers and bills; a proxy before it loses the answer. One attempt is one request and one row, and what
is booked is never less than the bill.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from domain.calls import Call, ImageRequest, JobKind, SearchRequest, TextRequest, VideoRequest
from domain.errors import MoneyState, PostHubError, ProviderRefused
from fetching.fetcher import SafeFetcher
from gateway.calls.attempt import BookedAttempt, CostTracker
from gateway.config import Deployment, GatewayConfig, ProviderConfig, shipped_models, with_chains
from gateway.ports import Answer, Operation
from gateway.providers import registry
from gateway.providers.building import Building
from gateway.providers.litellm.prices import missing_rows
from gateway.providers.prices import shipped_prices
from store.database import Database
from store.money.ledger import Ledger
from store.money.prices import Prices, today
from tests.breaking import WAYS, Breaking, breaking
from tests.integration.test_every_provider import ROWS, price
from tests.money_rows import rows

CALL = Call("org-1", "company-1", "run-1", "ultimate", JobKind.GENERATE_BLOGPOST, "node", "item")
ASK = TextRequest("text", "Jsi autor.", "Napiš odstavec o kávě.", 200)
SEARCH = SearchRequest("Co dělá pražírna?")
IMAGE = ImageRequest("Šálek", "text", "1:1")
VIDEO = VideoRequest("Pára", "text", "9:16", 4)
FILM = {"input": 2_000, "output": 20_000, "video_token": 50_000}
PICTURE = {"input": 2_000, "image_token": 8_192}
REDIRECT = b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
FEW = ("reset before a byte", "end before the head", "half a body, reset")
"""What is tried of every provider; of these, everything is."""


@dataclass(frozen=True)
class Way:
    """One way to buy: who is asked, by which adapter, for what, and the most that it can be billed for."""

    provider: str
    model: str
    ability: str
    engine: str = "litellm"
    stream: bool = False
    api: str = ""
    most: Mapping[str, int] = field(default_factory=lambda: {"input": 2_000, "output": 20_000})

    async def send(self, adapter: Any, attempt: BookedAttempt) -> Answer | Operation:
        sent: Answer | Operation = await getattr(self, f"_{self.ability}")(adapter, attempt)
        return sent

    async def _text(self, adapter: Any, attempt: BookedAttempt) -> Any:
        on_text = list[str]().append if self.stream else None
        return await adapter.complete(self.model, ASK, attempt, on_text)

    async def _embedding(self, adapter: Any, attempt: BookedAttempt) -> Any:
        return await adapter.embed(self.model, ["káva", "čaj"], attempt)

    async def _search(self, adapter: Any, attempt: BookedAttempt) -> Any:
        return await adapter.search(self.model, SEARCH, attempt)

    async def _image(self, adapter: Any, attempt: BookedAttempt) -> Any:
        return await adapter.submit(self.model, IMAGE, attempt)

    async def _video(self, adapter: Any, attempt: BookedAttempt) -> Any:
        return await adapter.submit(self.model, VIDEO, attempt)


def _of_chains() -> dict[str, Way]:
    ways: dict[str, Way] = {}
    for name, row in ROWS.items():
        ways[f"{name} text"] = Way(name, row.text, "text")
        ways[f"{name} stream"] = Way(name, row.text, "text", stream=True)
        if row.embedding:
            ways[f"{name} vectors"] = Way(name, row.embedding[0], "embedding", most={"input": 2_000})
    return ways


def _own() -> dict[str, Way]:
    flash, drawing = "gemini-3.8-flash", "gemini-nano-banana-2.1"
    ways = {
        "gemini vectors": Way("gemini", "gemini-embedding-001", "embedding", most={"input": 2_000}),
        "gemini search": Way(
            "gemini", flash, "search", most={"input": 60_000, "output": 20_000, "search": 10}
        ),
        "perplexity search": Way(
            "perplexity", "perplexity/sonar", "search", most={"output": 20_000, "search": 3}
        ),
        "nanobana image": Way("nanobana", "imagen-3", "image", api="nanobana", most={"image": 1}),
        "veo video": Way("veo", "veo-3", "video", api="veo", most={"second": 4}),
        "omni video": Way("gemini", "gemini-omni-1.1-flash", "video", api="omni", most=FILM),
        "google's veo video": Way(
            "gemini", "veo-3.1-generate-001", "video", api="veo-google", most={"second": 4}
        ),
    }
    for engine in ("litellm", "google"):
        ways[f"gemini text by {engine}"] = Way("gemini", flash, "text", engine)
        ways[f"gemini stream by {engine}"] = Way("gemini", flash, "text", engine, stream=True)
        ways[f"gemini image by {engine}"] = Way(
            "gemini", drawing, "image", engine, api="gemini", most=PICTURE
        )
    return ways


BUY = _of_chains() | _own()
ALL = {
    "gemini text by litellm",
    "gemini stream by litellm",
    "gemini stream by google",
    "perplexity search",
    "veo video",
    "bedrock stream",
}


@dataclass(frozen=True)
class Bought:
    """An attempt, and how many requests of it came to the socket."""

    attempt_id: str
    requests: int
    paths: Mapping[str, int]


class Bench:
    """Adapters that speak to a proxy, each built once, and attempts that are booked for real."""

    def __init__(self, sandbox: Any, proxy: Breaking, database: Database) -> None:
        self._sandbox = sandbox
        self.proxy = proxy
        self.database = database
        self._prices = Prices(database)
        self._ledger = Ledger(database, default_limit_micro=2_000_000_000)
        self._made: dict[tuple[str, ...], Any] = {}

    async def price(self) -> None:
        await self._prices.load_shipped(shipped_prices())
        models = [Deployment(way.provider, way.model) for way in _of_chains().values()]
        free = [each for each in dict.fromkeys(models) if not ROWS[each.provider].mapped]
        rows = [price(each.provider, each.model, unit) for each in free for unit in ("input", "output")]
        await self._prices.add([*missing_rows(await self._prices.book(), models, today()), *rows])

    def adapter(self, way: Way, base: str = "") -> Any:
        key = (way.provider, way.ability, way.engine, way.api, base)
        if key not in self._made:
            self._made[key] = self._built(way, base or self.proxy.base_url)
        return self._made[key]

    def _built(self, way: Way, base: str) -> Any:
        its = registry.provider(way.provider)
        of = ProviderConfig(
            its.name,
            "sandbox-key" if its.key else "",
            f"{base}{its.stand_in}",
            its.stand_in_options(self.proxy.base_url),
        )
        models = with_chains(
            shipped_models(), {"TEXT": f"{way.provider}/{way.model}"} if way.ability == "text" else {}
        )
        config = GatewayConfig({its.name: of}, engine=way.engine, models=models)  # type: ignore[arg-type]
        building = Building(its, of, config, SafeFetcher())
        if not way.api:
            return registry.load(its.adapter(way.ability, way.engine) or "")(building)
        api = next(each for each in (*its.images, *its.videos) if each.name == way.api)
        text = registry.load(its.adapter("text", way.engine) or "")(building) if way.api == "gemini" else None
        return registry.load(api.adapter)(replace(building, api=api, text=text))

    async def buy(self, name: str, base: str = "") -> tuple[Bought, PostHubError | None]:
        """Make one attempt; returns its id with how many requests it was, and what it raised."""
        way = BUY[name]
        self.proxy.requests.clear()
        tracker = CostTracker(self._ledger, self._prices, engine=way.engine)
        attempt = await tracker.open(CALL, "job-1", way.provider, way.model, way.most)
        adapter, raised = self.adapter(way, base), None
        try:
            await attempt.make(lambda attempt: way.send(adapter, attempt), 20, _keep)
        except PostHubError as error:
            raised = error
        return Bought(attempt.id, self.proxy.requests.total(), dict(self.proxy.requests)), raised

    async def judged(self, bought: Mapping[str, tuple[Bought, PostHubError | None]], state: str) -> str:
        """Compare rows and bill; returns what is wrong, a line each."""
        booked = {row.id: row for row in await rows(self.database, "select * from attempts")}
        billed = Counter({line["client_request_id"]: 0 for line in self._sandbox.bill()})
        for line in self._sandbox.bill():
            billed[line["client_request_id"]] += line["cost_micro_usd"]
        wrong = []
        for name, (one, raised) in bought.items():
            row = booked[one.attempt_id]
            if (row.state, one.requests) != (state, 1 if state == "lost" else one.requests):
                wrong.append(f"{name}: {one.paths}, {row.state}: {raised}")
            elif raised is None or (raised.money is MoneyState.LOST) != (state == "lost"):
                wrong.append(f"{name}: {raised!r}")
            elif (row.cost_micro or 0) < billed[one.attempt_id]:
                wrong.append(f"{name}: {row.cost_micro} booked of {billed[one.attempt_id]}")
        return "\n".join(wrong)

    async def aclose(self) -> None:
        for each in self._made.values():
            await each.aclose()


async def _keep(attempt: BookedAttempt, operation: Operation) -> None:
    """Nothing is collected here."""


@pytest.fixture
async def bench(sandbox: Any, database: Database) -> AsyncIterator[Bench]:
    with breaking(sandbox.base_url) as proxy:
        async with AsyncExitStack() as stack:
            bench = Bench(sandbox, proxy, database)
            stack.push_async_callback(bench.aclose)
            await bench.price()
            yield bench


async def test_what_breaks_after_it_left_is_one_request_and_never_void(bench: Bench) -> None:
    bought = {}
    for name in BUY:
        for way in WAYS if name in ALL else FEW:
            bench.proxy.way = WAYS[way]
            bought[f"{name}, {way}"] = await bench.buy(name)
    assert len(bought) > 100
    assert await bench.judged(bought, "lost") == ""


async def test_what_never_left_is_void_whoever_was_asked(bench: Bench) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{closed.getsockname()[1]}"
        bought = {name: await bench.buy(name, base) for name in BUY}
    assert await bench.judged(bought, "void") == ""
    assert bench.proxy.requests.total() == 0


async def test_a_redirect_is_one_request_and_the_key_is_carried_nowhere(bench: Bench) -> None:
    bench.proxy.way = lambda answer: (REDIRECT, False)
    bought = {name: await bench.buy(name) for name in BUY}
    assert {one.requests for one, _ in bought.values()} == {1}
    wrong = {name: raised for name, (_, raised) in bought.items() if not isinstance(raised, ProviderRefused)}
    assert wrong == {}
