"""The tools as an agent meets them: schemas, answers, errors, and the names of the calls that they make."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from domain.calls import (
    Call,
    ImageRequest,
    JobKind,
    MediaResult,
    SearchRequest,
    SearchResult,
    Served,
    Source,
    Usage,
    VideoRequest,
)
from domain.errors import BudgetExceeded, FeatureNotAvailable, InvalidInput, PostHubError
from fetching.fetcher import SafeFetcher
from fetching.pages import PageReader
from tools import tools_for
from tools.calling import use
from tools.image import generate_image_tool
from tools.page import read_page_tool
from tools.search import web_search_tool
from tools.video import generate_video_tool

CALL = Call(
    "org", "company", "run", "ultimate", JobKind.SCRAPE_DNA, node="research", item="agent", step="draft"
)
SERVED = Served("job", "sandbox", "model-1", Usage(), cost_micro=20_000)
PICTURE = {"prompt": "A barista pours latte art", "alt_text": "Baristka nalévá kávu"}


@dataclass
class Bought:
    """A gateway that keeps what it was asked for, and fails when it is told to."""

    has_search: bool = True
    failure: PostHubError | None = None
    calls: list[Call] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)

    def _keep(self, call: Call, request: Any) -> None:
        if self.failure is not None:
            raise self.failure
        self.calls.append(call)
        self.requests.append(request)

    async def search(self, call: Call, request: SearchRequest) -> SearchResult:
        self._keep(call, request)
        found = Source("https://example.cz/", "Pra\u200bžírna", "s" * 1000, "2026-11-01")
        return SearchResult("Odpo\u202evěď", (found, Source("https://example.com/")), SERVED)

    async def image(self, call: Call, request: ImageRequest) -> MediaResult:
        self._keep(call, request)
        return MediaResult("ab/cd.png", "image/png", 1234, request.prompt, SERVED)

    async def video(self, call: Call, request: VideoRequest) -> MediaResult:
        self._keep(call, request)
        return MediaResult("ab/cd.mp4", "video/mp4", 9, request.prompt, SERVED, 6.0, "ab/ef.png")


@pytest.fixture
def gateway() -> Bought:
    return Bought()


@pytest.fixture
def pages() -> PageReader:
    return PageReader(SafeFetcher())


def names(tools: list[BaseTool]) -> list[str]:
    return [tool.name for tool in tools]


def test_every_tool_is_offered(gateway: Bought, pages: PageReader) -> None:
    offered = names(tools_for(gateway, pages, CALL))
    assert offered == ["web_search", "read_page", "read_site", "generate_image", "generate_video"]


def test_without_a_search_provider_there_is_no_search_tool(pages: PageReader) -> None:
    offered = names(tools_for(Bought(has_search=False), pages, CALL))
    assert offered == ["read_page", "read_site", "generate_image", "generate_video"]


def test_every_argument_tells_a_model_what_it_is_with_an_example(gateway: Bought, pages: PageReader) -> None:
    for tool in tools_for(gateway, pages, CALL):
        function = convert_to_openai_tool(tool)["function"]
        assert len(function["description"]) > 80, tool.name
        for name, argument in function["parameters"]["properties"].items():
            assert " Example: " in argument["description"], (tool.name, name)


def test_the_shapes_of_a_picture_are_told_as_a_list(gateway: Bought) -> None:
    function = convert_to_openai_tool(generate_image_tool(gateway, CALL))["function"]
    assert function["parameters"]["properties"]["aspect_ratio"]["enum"] == ["1:1", "9:16", "16:9", "2:3"]


async def test_a_search_answers_with_text_and_sources_without_hidden_characters(gateway: Bought) -> None:
    answer = await web_search_tool(gateway, CALL).ainvoke({"question": "Kdo je konkurence?"})
    assert answer["answer"] == "Odpověď"
    assert answer["sources"][0]["title"] == "Pražírna"
    assert len(answer["sources"][0]["snippet"]) == 300
    assert answer["sources"][1] == {"url": "https://example.com/"}
    assert json.loads(json.dumps(answer)) == answer
    assert gateway.requests == [SearchRequest("Kdo je konkurence?", language="cs", country="CZ")]


async def test_a_search_can_be_kept_to_sites_and_asked_in_another_language(gateway: Bought) -> None:
    tool = web_search_tool(gateway, CALL, language="sk", country="SK")
    await tool.ainvoke({"question": "Kto je konkurencia?", "domains": ["example.sk"]})
    asked = gateway.requests[0]
    assert (asked.language, asked.country, asked.domains) == ("sk", "SK", ("example.sk",))


async def test_an_image_answers_with_its_key_and_never_with_bytes(gateway: Bought) -> None:
    answer = await generate_image_tool(gateway, CALL).ainvoke({**PICTURE, "aspect_ratio": "16:9"})
    assert answer == {
        "key": "ab/cd.png",
        "media_type": "image/png",
        "size": 1234,
        "alt_text": "Baristka nalévá kávu",
        "aspect_ratio": "16:9",
        "model": "model-1",
        "cost_usd": "0.020000",
    }
    assert gateway.requests[0].aspect_ratio == "16:9"
    assert "watermark" in gateway.requests[0].negative_prompt


async def test_a_video_answers_with_its_key_length_and_thumbnail(gateway: Bought) -> None:
    answer = await generate_video_tool(gateway, CALL).ainvoke({**PICTURE, "duration_seconds": 6})
    assert (answer["key"], answer["seconds"], answer["thumbnail_key"]) == ("ab/cd.mp4", 6.0, "ab/ef.png")
    assert gateway.requests[0].duration_seconds == 6


async def test_a_call_keeps_who_pays_and_gets_its_step_from_the_arguments(gateway: Bought) -> None:
    tool = generate_image_tool(gateway, CALL)
    await tool.ainvoke(PICTURE)
    await tool.ainvoke({**PICTURE, "prompt": "  A  barista pours\nlatte \u200bart "})
    await tool.ainvoke({**PICTURE, "aspect_ratio": "9:16"})
    first, again, other = gateway.calls
    assert first == again, "spaces and hidden characters buy nothing twice"
    assert other.step != first.step
    assert first.step.startswith("draft/generate_image-")
    assert (first.organization_id, first.run_id, first.node, first.item) == (
        "org",
        "run",
        "research",
        "agent",
    )


async def test_the_kind_of_job_is_that_of_the_tool(gateway: Bought) -> None:
    await web_search_tool(gateway, CALL).ainvoke({"question": "Kdo je konkurence?"})
    await generate_image_tool(gateway, CALL).ainvoke(PICTURE)
    await generate_video_tool(gateway, CALL).ainvoke(PICTURE)
    kinds = [call.kind for call in gateway.calls]
    assert kinds == [JobKind.SCRAPE_DNA, JobKind.GENERATE_IMAGE, JobKind.GENERATE_VIDEO]


def tool_call(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "args": arguments, "id": "1", "type": "tool_call"}


async def asked(tool: BaseTool, arguments: dict[str, Any]) -> ToolMessage:
    message = await tool.ainvoke(tool_call(tool.name, arguments))
    assert isinstance(message, ToolMessage)
    return message


@pytest.mark.parametrize(
    "failure",
    [
        FeatureNotAvailable("Tier basic has no images.", next_step="Tier pro has them."),
        BudgetExceeded("The budget is used up.", next_step="Raise it.", secret="sk-123"),
    ],
    ids=["feature", "budget"],
)
async def test_a_failure_is_text_with_its_code_and_what_to_do(gateway: Bought, failure: PostHubError) -> None:
    gateway.failure = failure
    message = await asked(generate_image_tool(gateway, CALL), PICTURE)
    assert message.status == "error"
    assert message.content == f"{failure.code}: {failure.message} {failure.next_step}"


async def test_a_private_address_is_refused_in_words_that_the_model_can_use(pages: PageReader) -> None:
    message = await asked(read_page_tool(pages), {"url": "http://admin:hunter2@169.254.169.254/"})
    assert message.status == "error"
    assert str(message.content).startswith("URL_NOT_ALLOWED: ")
    assert "Give a public web address" in str(message.content)
    assert "hunter2" not in str(message.content)


BAD_ARGUMENTS = [
    ({}, "prompt"),
    ({**PICTURE, "prompt": "short"}, "prompt"),
    ({**PICTURE, "prompt": "\u200b" * 50}, "prompt"),
    ({**PICTURE, "prompt": "a" * 5000}, "prompt"),
    ({**PICTURE, "alt_text": ""}, "alt_text"),
    ({**PICTURE, "aspect_ratio": "banana"}, "aspect_ratio"),
    ({**PICTURE, "duration_seconds": 3600}, "duration_seconds"),
]


@pytest.mark.parametrize(("arguments", "named"), BAD_ARGUMENTS)
async def test_arguments_that_do_not_fit_are_named_and_buy_nothing(
    gateway: Bought, arguments: dict[str, Any], named: str
) -> None:
    message = await asked(generate_video_tool(gateway, CALL), arguments)
    assert message.status == "error"
    assert str(message.content).startswith("INVALID_INPUT: ")
    assert named in str(message.content)
    assert gateway.calls == []


async def test_a_fault_of_ours_is_not_told_to_the_model_as_if_it_were_an_answer(gateway: Bought) -> None:
    class Broken(Bought):
        def _keep(self, call: Call, request: Any) -> None:
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        await web_search_tool(Broken(), CALL).ainvoke({"question": "Kdo je konkurence?"})


async def test_a_tool_node_of_any_graph_can_run_them(gateway: Bought, pages: PageReader) -> None:
    graph = StateGraph(MessagesState)
    graph.add_node("tools", ToolNode(tools_for(gateway, pages, CALL)))
    graph.add_edge(START, "tools")
    calls = [
        {**tool_call("web_search", {"question": "Kdo je konkurence?"}), "id": "a"},
        {**tool_call("read_page", {"url": "http://localhost/"}), "id": "b"},
    ]
    state = await graph.compile().ainvoke({"messages": [AIMessage("", tool_calls=calls)]})
    search, page = state["messages"][1:]
    assert json.loads(search.content)["sources"][0]["url"] == "https://example.cz/"
    assert "URL_NOT_ALLOWED" in page.content


async def test_code_gets_the_result_itself_and_an_agent_gets_it_as_text(gateway: Bought) -> None:
    tool = web_search_tool(gateway, CALL)
    found = await use(tool, question="Kdo je konkurence?")
    assert isinstance(found, SearchResult)
    assert found.served is SERVED
    message = await asked(tool, {"question": "Kdo je konkurence?"})
    assert message.artifact == found
    assert json.loads(str(message.content))["answer"] == "Odpověď"


async def test_code_gets_a_failure_as_it_was_raised(gateway: Bought) -> None:
    gateway.failure = BudgetExceeded("The budget is used up.", next_step="Raise it.", limit=7)
    with pytest.raises(BudgetExceeded) as failed:
        await use(generate_image_tool(gateway, CALL), **PICTURE)
    assert failed.value is gateway.failure


async def test_code_that_gives_arguments_that_do_not_fit_is_told_which(gateway: Bought) -> None:
    with pytest.raises(InvalidInput, match=r"generate_image.*aspect_ratio"):
        await use(generate_image_tool(gateway, CALL), **PICTURE, aspect_ratio="banana")
    assert gateway.calls == []


async def test_a_tool_of_one_call_buys_under_the_name_of_that_call(gateway: Bought) -> None:
    call = replace(CALL, kind=JobKind.GENERATE_IMAGE)
    await use(generate_image_tool(gateway, call, once=True), **PICTURE)
    await use(web_search_tool(gateway, CALL, once=True), question="Kdo je konkurence?")
    assert gateway.calls == [call, CALL]


async def test_a_search_keeps_the_lines_of_its_question_and_what_it_is_told_to_do(gateway: Bought) -> None:
    question = "Firma: Lípa\nWeb: https://lipa.cz\n\nOtázka: Kdo je konkurence?"
    tool = web_search_tool(gateway, CALL, system="Odpovídej s doklady.", max_tokens=900)
    await use(tool, question=f"  {question}\u200b  \n")
    assert gateway.requests == [SearchRequest(question, system="Odpovídej s doklady.", max_tokens=900)]
