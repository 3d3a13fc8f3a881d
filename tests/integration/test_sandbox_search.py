from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

SEARCH = {
    "tools": [{"type": "web_search"}],
    "tool_choice": {"type": "web_search"},
    "model": "perplexity/sonar",
}


@pytest.fixture
def client(sandbox: Any) -> Any:
    with httpx.Client(
        base_url=sandbox.base_url, headers={"Authorization": "Bearer k"}, timeout=300
    ) as client:
        yield client


def ask(client: httpx.Client, question: str, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.post("/v1/agent", json={**SEARCH, "input": question, **more}).json()
    return answer


def text_of(answer: dict[str, Any]) -> str:
    (message,) = [item for item in answer["output"] if item["type"] == "message"]
    return str(message["content"][0]["text"])


def test_a_question_about_a_company_is_answered_with_its_own_pages(
    client: httpx.Client, sandbox: Any
) -> None:
    name, site = next(iter(sandbox.sites.items()))
    answer = ask(client, f"Jaké má firma {name} hlavní produkty a služby?")
    (found,) = [item for item in answer["output"] if item["type"] == "search_results"]
    assert (answer["object"], answer["status"], answer["error"]) == ("response", "completed", None)
    assert "Mezi hlavní produkty patří" in text_of(answer)
    assert "[1]" in text_of(answer)
    assert found["results"][0]["url"].startswith(site)
    assert [one["id"] for one in found["results"]] == list(range(1, len(found["results"]) + 1))
    for result in found["results"]:
        page = httpx.get(result["url"])
        assert (page.status_code, result["source"]) == (200, "web")


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Kdo jsou hlavní konkurenti firmy Letokruh?", "Hlavními konkurenty jsou"),
        ("Jaká je historie firmy Letokruh?", "1998"),
        ("Čím se Letokruh odlišuje od ostatních?", "odlišuje"),
        ("Jakým tónem Letokruh komunikuje?", "Tón komunikace"),
        ("Jaká je cílová skupina firmy Letokruh?", "Cílovou skupinou"),
    ],
)
def test_each_question_gets_the_fact_it_asks_for(client: httpx.Client, question: str, said: str) -> None:
    assert said in text_of(ask(client, question))


def test_an_unknown_company_is_not_given_the_facts_of_a_known_one(client: httpx.Client) -> None:
    answer = ask(client, "Firma: Pekařství Zlatá houska\nOtázka: Jaká je její historie?")
    assert "Pekařství Zlatá houska" in text_of(answer)
    assert "Letokruh" not in json.dumps(answer, ensure_ascii=False)


def test_nothing_is_searched_unless_it_is_forced(client: httpx.Client, sandbox: Any) -> None:
    mark = sandbox.mark()
    answer = client.post("/v1/agent", json={"model": "perplexity/sonar", "input": "Co je Letokruh?"}).json()
    assert [item["type"] for item in answer["output"]] == ["message"]
    assert sandbox.bill(mark)[0]["units"]["searches"] == 0


def test_the_cost_in_the_answer_is_the_cost_on_the_bill(client: httpx.Client, sandbox: Any) -> None:
    mark = sandbox.mark()
    usage = ask(client, "Co nabízí Jasná bilance?")["usage"]
    (line,) = sandbox.bill(mark)
    cost = usage["cost"]
    assert round(cost["total_cost"] * 1_000_000) == line["cost_micro_usd"]
    assert cost["tool_calls_cost"] == 0.0025
    assert usage["tool_calls_details"] == {"search_web": {"invocation": 1}}
    assert cost["input_cost"] + cost["output_cost"] + 0.0025 == pytest.approx(cost["total_cost"], abs=1e-6)


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"surprise": 1}, "surprise"),
        ({"text": {"format": {}}}, "text"),
        ({"stop": ["x"]}, "stop"),
        ({"top_k": 3}, "top_k"),
        ({"tools": [{"type": "web_search", "query": "x"}]}, "tools[0].query"),
        ({"tools": [{"type": "web_search", "filters": {"domains": []}}]}, "tools[0].filters.domains"),
        ({"model": "sonar-pro"}, "model"),
        ({"preset": "turbo"}, "preset"),
    ],
)
def test_what_the_agent_api_does_not_know_is_refused_by_name(
    client: httpx.Client, sandbox: Any, more: dict[str, Any], param: str
) -> None:
    mark = sandbox.mark()
    response = client.post("/v1/agent", json={**SEARCH, "input": "x", **more})
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)
    assert sandbox.bill(mark) == []


def test_a_bearer_key_is_needed(sandbox: Any) -> None:
    for headers in ({}, {"Authorization": "Bearer bad-key"}, {"x-goog-api-key": "k"}):
        response = httpx.post(f"{sandbox.base_url}/v1/agent", json={**SEARCH, "input": "x"}, headers=headers)
        assert response.status_code == 401


def test_an_answer_fits_the_schema_that_was_sent(client: httpx.Client) -> None:
    schema = {"type": "object", "properties": {"products": {"type": "array", "items": {"type": "string"}}}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    value = json.loads(text_of(ask(client, "Co nabízí Letokruh?", response_format=form)))
    Draft202012Validator(schema).validate(value)
    assert "kuchyně na míru" in value["products"]


def test_a_stream_ends_with_the_whole_response(client: httpx.Client) -> None:
    whole = ask(client, "Co nabízí Letokruh?")
    response = client.post("/v1/responses", json={**SEARCH, "input": "Co nabízí Letokruh?", "stream": True})
    lines = [line for line in response.text.split("\n\n") if line]
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    deltas = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
    assert all(line.startswith("data: {") for line in lines)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert (events[0]["type"], events[-1]["type"]) == ("response.created", "response.completed")
    assert "".join(deltas) == text_of(whole) == text_of(events[-1]["response"])
    assert events[-1]["response"]["usage"] == whole["usage"]


def test_a_request_in_the_background_is_polled(client: httpx.Client) -> None:
    queued = ask(client, "Co nabízí Letokruh?", background=True)
    assert (queued["status"], queued["output"]) == ("queued", [])
    assert client.get(f"/v1/responses/{queued['id']}").json()["status"] == "completed"
    assert client.get("/v1/responses/resp_unknown").status_code == 404


def test_the_old_chat_shape_is_still_spoken(client: httpx.Client) -> None:
    body = {"model": "sonar", "messages": [{"role": "user", "content": "Co nabízí Letokruh?"}]}
    answer = client.post("/chat/completions", json=body).json()
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["citations"] == [one["url"] for one in answer["search_results"]]
    assert set(answer["usage"]["cost"]) == {
        "input_tokens_cost",
        "output_tokens_cost",
        "request_cost",
        "total_cost",
    }
