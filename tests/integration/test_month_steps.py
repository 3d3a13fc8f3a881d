"""Single steps of a month, run as nodes on real PostgreSQL and the sandbox's HTTP."""

from __future__ import annotations

import asyncio
import copy
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph

from domain.errors import InvalidInput, LimitExceeded
from domain.ids import aspect_of, image_id, video_id
from domain.month import Again, Month, cards_of
from domain.month_request import MonthRequest, parse
from domain.stages import PERSONAS, POSTS, RESEARCH, TOPICS, Kind
from fetching.fetcher import SafeFetcher
from fetching.pages import PageReader
from nodes.intake import Intake, RunContext, open_run
from nodes.media import Images, Video
from nodes.personas import Personas
from nodes.research import Research
from nodes.topics import Topics
from nodes.work import Ports
from nodes.writing import Writing
from runtime.services import Services, open_services
from runtime.settings import load
from store.content.items import Items, Owner

TODAY = datetime.now(UTC).date()


@dataclass
class Bench:
    """Runs one step after another on the state that the steps before left."""

    services: Services
    company: str
    site: str
    run_id: str
    state: Any

    @property
    def ports(self) -> Ports:
        return self.services.ports

    @property
    def items(self) -> Items:
        return self.services.items

    @property
    def owner(self) -> Owner:
        return Owner(self.state["organization_id"], self.state["company_id"], self.run_id)

    def asked(self, **changes: Any) -> dict[str, Any]:
        given = {"company": self.company, "website": self.site, "month": f"{TODAY.year + 1}-01"}
        return {**given, "posts": 2, "platforms": ["linkedin"], **changes}

    async def begin(self, *, given: Any = None, **context: Any) -> None:
        chosen = RunContext(**{"organization": "acme", "tier": "ultimate", **context})
        self.state = await self._run(Intake(self.ports, True), given or self.asked(), chosen)

    async def step(self, node: Any, **changes: Any) -> None:
        self.state = await self._run(node, {**self.state, **changes}, None)

    async def work(self, node: Any, item: str, revision: int = 0, reason: str = "") -> Any:
        """Run a fan-out node on one item and return what it says of it."""
        told: Any = {}
        payload = {"month": self.state, "item": item, "revision": revision, "reason": reason}

        async def one(_: Month) -> dict[str, Any]:
            told.update(await node(payload))
            return {}

        await self._run(one, self.state, None)
        return told

    async def _run(self, node: Any, state: Any, context: Any) -> Any:
        graph: Any = StateGraph(Again, context_schema=RunContext)
        graph.add_node("step", node)
        graph.add_edge(START, "step").add_edge("step", END)
        config = {"configurable": {"thread_id": self.run_id}}
        return await graph.compile().ainvoke(state, config, context=context)

    def keep_all(self, stage: Any) -> None:
        """Approve every item of a stage, as a review would."""
        for item in cards_of(self.state, stage):
            self.state[stage.key][item]["status"] = "approved"


@pytest.fixture
async def bench(sandbox: Any, tmp_path: Path, database_uri: str, redis_uri: str) -> AsyncIterator[Bench]:
    environment = {
        "DATABASE_URI": database_uri,
        "REDIS_URI": redis_uri,
        "POSTHUB_HOME": str(tmp_path),
        "POSTHUB_ALLOW_PRIVATE_HOSTS": sandbox.base_url.removeprefix("http://"),
        "POSTHUB_VIDEO_POLL_SECONDS": "0.3",
    }
    for name in ("GEMINI", "PERPLEXITY", "NANOBANA", "VEO"):
        environment |= {f"{name}_API_KEY": "test", f"{name}_BASE_URL": sandbox.base_url}
    company, site = next(iter(sandbox.sites.items()))
    async with open_services(load(environment)) as services:
        yield Bench(services, company, site, str(uuid.uuid4()), {})


@pytest.mark.parametrize("name", ["", "   "])
async def test_nobody_pays_for_a_month_of_an_organization_without_a_name(bench: Bench, name: str) -> None:
    with pytest.raises(InvalidInput, match="organization"):
        await bench.begin(organization=name)
    assert await bench.ports.runs.list(name) == []


async def test_next_month_is_kept_as_the_month_that_it_was_when_the_run_was_opened(bench: Bench) -> None:
    await bench.begin(given=bench.asked(month="next"))
    run = await bench.ports.runs.get("acme", bench.run_id)
    assert bench.state["month"] == run.month == run.request["month"] > f"{TODAY:%Y-%m}"

    bench.run_id = str(uuid.uuid4())
    earlier = parse(bench.asked(month=f"{TODAY.year + 1}-06", tier="ultimate"), today=TODAY)
    await open_run(bench.ports, earlier, "acme", bench.run_id, sandbox=True)
    await bench.begin(given=bench.asked(month="next"))  # the same run, repeated when its month has passed on
    assert bench.state["month"] == earlier.month


async def test_intake_opens_a_run_with_every_field_of_the_request_filled_in(bench: Bench) -> None:
    await bench.begin(approve="auto")
    run = await bench.services.runs.get("acme", bench.run_id)
    assert run.request == parse(bench.asked(tier="ultimate", approve="auto"), today=TODAY).as_json()
    assert {name: bench.state[name] for name in ("language", "videos", "approve")} == {
        name: run.request[name] for name in ("language", "videos", "approve")
    }
    assert set(bench.state["pins"]) == set(bench.state["templates"]) > {"BLOGPOST_GEN_V1"}


async def test_a_month_that_asks_for_more_gets_what_its_organization_was_put_on(bench: Bench) -> None:
    await bench.ports.tenants.ensure_organization("acme", "basic")
    await bench.begin(tier="ultimate")
    assert (bench.state["tier"], await bench.ports.tenants.tier_of("acme")) == ("basic", "basic")


async def test_a_run_that_was_opened_in_time_begins_though_its_month_is_over_by_now(bench: Bench) -> None:
    past = MonthRequest.stored(
        parse(bench.asked(tier="ultimate"), today=TODAY).as_json() | {"month": "2020-01"}
    )
    await open_run(bench.ports, past, "acme", bench.run_id, sandbox=True)
    given = past.as_json()
    await bench.begin(given={**given}, approve=given["approve"])
    assert bench.state["month"] == "2020-01"


async def test_a_thread_that_carries_a_month_refuses_another_one_and_keeps_its_own(bench: Bench) -> None:
    await bench.begin()
    with pytest.raises(InvalidInput, match="already"):
        await bench.begin(given=bench.asked(month=f"{TODAY.year + 1}-02"))
    run = await bench.services.runs.get("acme", bench.run_id)
    assert run.month == f"{TODAY.year + 1}-01"


async def test_a_request_beyond_the_tier_opens_nothing(bench: Bench) -> None:
    with pytest.raises(LimitExceeded):
        await bench.begin(given=bench.asked(posts=13), tier="basic")
    assert await bench.services.runs.list("acme") == []


async def test_research_reads_the_site_and_asks_six_questions_and_every_source_is_one_that_it_saw(
    bench: Bench, sandbox: Any
) -> None:
    await bench.begin()
    before = len(sandbox.bill())
    await bench.step(Research(bench.ports))
    searched = [line for line in sandbox.bill()[before:] if line["provider"] == "perplexity"]
    dna = await bench.items.newest(bench.owner, Kind.DNA, "dna")
    assert len(searched) == 6
    assert cards_of(bench.state, RESEARCH)["dna"]["status"] == "waiting"
    assert dna.content["sources"]
    assert all(source["url"].startswith("http") for source in dna.content["sources"])


async def test_research_that_is_made_again_reads_and_searches_nothing_anew(
    bench: Bench, sandbox: Any
) -> None:
    await bench.begin()
    await bench.step(Research(bench.ports))
    before = len(sandbox.bill())
    await bench.step(
        Research(bench.ports), rework=[{"item": "dna", "revision": 1, "reason": "Chybí hodnoty."}]
    )
    assert {line["provider"] for line in sandbox.bill()[before:]} == {"gemini"}
    assert cards_of(bench.state, RESEARCH)["dna"]["revision"] == 1


async def test_a_site_that_says_nothing_stops_before_anything_is_paid_or_is_made_up_for_by_a_search(
    bench: Bench, sandbox: Any
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b"<html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n" + body)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    place = server.sockets[0].getsockname()[:2]
    await bench.begin()
    website = f"http://{place[0]}:{place[1]}/"
    reader = PageReader(SafeFetcher(allowed_private=[place]))
    before = len(sandbox.bill())
    unsearched = copy.copy(bench.ports.gateway)
    unsearched._config = replace(unsearched._config, providers={})
    with pytest.raises(InvalidInput, match="says nothing that can be read: 0 letters") as caught:
        await bench.step(Research(replace(bench.ports, pages=reader, gateway=unsearched)), website=website)
    assert "Checking your browser" in caught.value.message and caught.value.exit_status == 2
    assert len(sandbox.bill()) == before
    await bench.step(Research(replace(bench.ports, pages=reader)), website=website)
    dna = await bench.items.newest(bench.owner, Kind.DNA, "dna")
    assert "from a search alone" in dna.findings[0] and "Checking your browser" in dna.findings[1]
    server.close()


async def test_personas_topics_a_post_and_its_media_are_made_of_what_the_steps_before_left(
    bench: Bench,
) -> None:
    await bench.begin()
    await bench.step(Research(bench.ports))
    await bench.step(Personas(bench.ports))
    cast = await bench.items.list_newest(bench.owner, Kind.PERSONA)
    assert len(cast) == len({one.content["jungArchetype"] for one in cast}) == 6
    bench.keep_all(PERSONAS)
    await bench.step(Topics(bench.ports))
    assert list(cards_of(bench.state, TOPICS)) == ["t01", "t02"]
    planned = (await bench.items.newest(bench.owner, Kind.TOPIC, "t01")).content
    assert planned["plannedDate"].startswith(bench.state["month"])
    assert planned["personaId"] in {one.item for one in cast}
    bench.keep_all(TOPICS)

    told = await bench.work(Writing(bench.ports), "t01")
    bench.state |= told
    post = await bench.items.newest(bench.owner, Kind.POST, "t01")
    assert told[POSTS.key]["t01"]["status"] == "waiting"
    assert planned["focusKeyword"].casefold() in post.content["title"].casefold()

    picture, clip = image_id("t01", "16:9"), video_id("t01")
    parts = {
        **(await bench.work(Images(bench.ports), picture))["packages"]["t01"]["parts"],
        **(await bench.work(Video(bench.ports), clip))["packages"]["t01"]["parts"],
    }
    assert {name: part["status"] for name, part in parts.items()} == {picture: "done", clip: "done"}
    image = (await bench.items.get(bench.owner, Kind.ASSET, picture, parts[picture]["version"])).content
    assert (image["aspectRatio"], image["post"]) == (aspect_of(picture), "t01")
    assert image["altText"] == (await bench.items.newest(bench.owner, Kind.ASSET, clip)).content["altText"]
