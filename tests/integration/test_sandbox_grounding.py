"""Grounding with Google Search in the stand-in of Gemini."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from google import genai
from google.genai import types

MODEL = "gemini-3.8-flash"
PATH = f"/v1beta/models/{MODEL}:generateContent"
ASK = {
    "contents": [{"role": "user", "parts": [{"text": "Co nabízí a kdy vznikla Pražírna Hanácké zrno?"}]}],
    "tools": [{"google_search": {}}],
}

pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")


@pytest.fixture
def client(sandbox: Any) -> Any:
    with httpx.Client(base_url=sandbox.base_url, headers={"x-goog-api-key": "k"}, timeout=300) as client:
        yield client


def test_a_grounded_answer_names_for_each_sentence_the_page_it_is_from(client: httpx.Client) -> None:
    candidate = client.post(PATH, json=ASK).json()["candidates"][0]
    text, found = candidate["content"]["parts"][0]["text"], candidate["groundingMetadata"]
    assert "[1]" not in text
    for support in found["groundingSupports"]:
        segment = support["segment"]
        said = text.encode()[segment.get("startIndex", 0) : segment["endIndex"]].decode()
        assert said == segment["text"]
        assert all(index < len(found["groundingChunks"]) for index in support["groundingChunkIndices"])
    assert len(found["groundingSupports"]) >= 2
    assert found["searchEntryPoint"]["renderedContent"]


def test_every_query_is_billed_beside_the_tokens(client: httpx.Client, sandbox: Any) -> None:
    mark = sandbox.mark()
    answer = client.post(PATH, json=ASK).json()
    queries = answer["candidates"][0]["groundingMetadata"]["webSearchQueries"]
    usage = answer["usageMetadata"]
    output = usage["candidatesTokenCount"] + usage["thoughtsTokenCount"]
    (line,) = sandbox.bill(mark)
    tokens = usage["promptTokenCount"] * 750_000 + output * 3_750_000
    assert (line["provider"], line["kind"]) == ("gemini", "search")
    assert line["cost_micro_usd"] == (tokens + 500_000) // 1_000_000 + len(queries) * 14_000


def test_up_to_gemini_2_a_grounded_prompt_is_one_search(client: httpx.Client, sandbox: Any) -> None:
    mark = sandbox.mark()
    client.post(PATH.replace(MODEL, "gemini-2.5-flash"), json=ASK)
    assert sandbox.bill(mark)[0]["units"]["searches"] == 1


def test_a_source_leads_to_the_page_by_a_redirect_and_is_titled_with_its_host(client: httpx.Client) -> None:
    candidate = client.post(PATH, json=ASK).json()["candidates"][0]
    web = candidate["groundingMetadata"]["groundingChunks"][0]["web"]
    there = client.get(web["uri"])
    assert "/grounding-api-redirect/" in web["uri"]
    assert (there.status_code, there.headers["location"][:7]) == (302, "/sites/")
    assert client.get(there.headers["location"]).status_code == 200
    assert web["title"] == httpx.URL(web["uri"]).netloc.decode()


def test_an_answer_that_the_model_gives_without_searching_has_no_sources_and_no_fee(
    client: httpx.Client, sandbox: Any
) -> None:
    sandbox.fault("no_search", provider="gemini", times=1)
    mark = sandbox.mark()
    candidate = client.post(PATH, json=ASK).json()["candidates"][0]
    assert "groundingMetadata" not in candidate and candidate["content"]["parts"]
    assert "searches" not in sandbox.bill(mark)[0]["units"]


def test_a_grounded_answer_keeps_a_schema(client: httpx.Client) -> None:
    schema = {"type": "object", "properties": {"summary": {"type": "string"}}, "required": ["summary"]}
    config = {"responseMimeType": "application/json", "responseJsonSchema": schema}
    candidate = client.post(PATH, json={**ASK, "generationConfig": config}).json()["candidates"][0]
    assert set(json.loads(candidate["content"]["parts"][0]["text"])) == {"summary"}
    assert candidate["groundingMetadata"]["groundingChunks"]
    assert candidate["groundingMetadata"]["groundingSupports"] == []


@pytest.mark.parametrize(
    "tools", [[{"google_search_retrieval": {}}], [{"surprise": {}}], [{"google_search": {"surprise": 1}}]]
)
def test_tools_that_google_does_not_know_are_refused(client: httpx.Client, tools: list[Any]) -> None:
    response = client.post(PATH, json={**ASK, "tools": tools})
    assert (response.status_code, response.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


async def test_googles_own_client_reads_the_sources_also_of_a_stream(sandbox: Any) -> None:
    options = types.HttpOptions(base_url=sandbox.base_url)
    config = types.GenerateContentConfig(tools=[types.Tool(google_search=types.GoogleSearch())])
    asked = "Co nabízí a kdy vznikla Pražírna Hanácké zrno?"
    client = genai.Client(api_key="k", http_options=options)
    whole = await client.aio.models.generate_content(model=MODEL, contents=asked, config=config)
    stream = await client.aio.models.generate_content_stream(model=MODEL, contents=asked, config=config)
    last = [chunk async for chunk in stream][-1]
    for answer in (whole, last):
        found = answer.candidates[0].grounding_metadata if answer.candidates else None
        assert found and found.web_search_queries
        assert found.grounding_chunks and found.grounding_chunks[0].web
    await client.aio.aclose()


@pytest.mark.usefixtures("litellm_alone")
async def test_litellm_counts_the_searches(sandbox: Any) -> None:
    import litellm

    mark = sandbox.mark()
    answer = await litellm.acompletion(
        model=f"gemini/{MODEL}",
        messages=[{"role": "user", "content": "Co nabízí a kdy vznikla Pražírna Hanácké zrno?"}],
        api_base=f"{sandbox.base_url}/v1beta",
        api_key="k",
        web_search_options={},
        num_retries=0,
    )
    searches = sandbox.bill(mark)[0]["units"]["searches"]
    assert answer.usage.prompt_tokens_details.web_search_requests == searches == 2
    assert answer.vertex_ai_grounding_metadata[0]["groundingChunks"]
