from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

MODEL = "/v1beta/models/gemini-3.8-flash"
ASK: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "Napiš 150 slov o kávě."}]}]}
STRUCTURED = {
    **ASK,
    "generationConfig": {"responseJsonSchema": {"type": "object", "properties": {"title": {}}}},
}
SEARCH = {"model": "perplexity/sonar", "input": "Co nabízí Letokruh?", "tools": [{"type": "web_search"}]}


@pytest.fixture
def client(sandbox: Any) -> Any:
    headers = {"x-goog-api-key": "k", "Authorization": "Bearer k"}
    with httpx.Client(base_url=sandbox.base_url, headers=headers, timeout=300) as client:
        yield client


def text_of(answer: dict[str, Any]) -> str:
    return "".join(part["text"] for part in answer["candidates"][0]["content"].get("parts", []))


def test_a_status_comes_with_its_delay_in_header_and_body_and_is_not_billed(
    client: httpx.Client, sandbox: Any
) -> None:
    mark = sandbox.mark()
    sandbox.fault("status", status=429, retry_after=2.5, provider="gemini", times=1)
    response = client.post(f"{MODEL}:generateContent", json=ASK)
    error = response.json()["error"]
    assert (response.status_code, response.headers["retry-after"]) == (429, "2.5")
    assert error["status"] == "RESOURCE_EXHAUSTED"
    assert error["details"][-1]["retryDelay"] == "2.5s"
    assert "Please retry in 2.5s." in error["message"]
    assert sandbox.bill(mark) == []
    assert client.post(f"{MODEL}:generateContent", json=ASK).status_code == 200


@pytest.mark.parametrize(
    ("status", "name"), [(500, "INTERNAL"), (503, "UNAVAILABLE"), (403, "PERMISSION_DENIED")]
)
def test_a_status_has_googles_name(client: httpx.Client, status: int, name: str) -> None:
    response = client.post(
        f"{MODEL}:generateContent", json=ASK, headers={"x-posthub-fault": f"status:{status}"}
    )
    assert (response.status_code, response.json()["error"]["status"]) == (status, name)


def test_a_status_of_perplexity_has_its_own_shape(client: httpx.Client) -> None:
    response = client.post("/v1/agent", json=SEARCH, headers={"x-posthub-fault": "status:429;retry_after=1"})
    assert response.status_code == 429
    assert response.json()["error"]["type"] == "request_rate_limit_exceeded"
    assert response.headers["retry-after"] == "1"


def test_a_rule_matches_provider_path_and_body(client: httpx.Client, sandbox: Any) -> None:
    sandbox.fault(
        "status", status=500, provider="perplexity", path_contains="agent", body_contains="Letokruh"
    )
    assert client.post("/v1/agent", json=SEARCH).status_code == 500
    assert client.post("/v1/agent", json={**SEARCH, "input": "Co nabízí Bilance?"}).status_code == 200
    assert client.post(f"{MODEL}:generateContent", json=ASK).status_code == 200


def test_safety_is_a_candidate_without_text_and_is_billed(client: httpx.Client, sandbox: Any) -> None:
    mark = sandbox.mark()
    sandbox.fault("safety")
    answer = client.post(f"{MODEL}:generateContent", json=ASK).json()
    assert (answer["candidates"][0]["finishReason"], text_of(answer)) == ("SAFETY", "")
    assert len(sandbox.bill(mark)) == 1


def test_a_blocked_prompt_has_no_candidates(client: httpx.Client, sandbox: Any) -> None:
    sandbox.fault("prompt_block")
    answer = client.post(f"{MODEL}:generateContent", json=ASK).json()
    assert "candidates" not in answer
    assert answer["promptFeedback"]["blockReason"] == "SAFETY"


def test_an_empty_answer_stops_without_text(client: httpx.Client, sandbox: Any) -> None:
    sandbox.fault("empty")
    answer = client.post(f"{MODEL}:generateContent", json=ASK).json()
    assert (answer["candidates"][0]["finishReason"], text_of(answer)) == ("STOP", "")


def test_max_tokens_leaves_half_of_the_text(client: httpx.Client, sandbox: Any) -> None:
    whole = text_of(client.post(f"{MODEL}:generateContent", json=ASK).json())
    sandbox.fault("max_tokens")
    answer = client.post(f"{MODEL}:generateContent", json=ASK).json()
    assert answer["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert whole.startswith(text_of(answer))
    assert len(text_of(answer)) < len(whole) * 0.6


def test_broken_json_is_inside_a_sound_answer_and_is_billed(client: httpx.Client, sandbox: Any) -> None:
    mark = sandbox.mark()
    sandbox.fault("broken_json")
    answer = client.post(f"{MODEL}:generateContent", json=STRUCTURED).json()
    with pytest.raises(ValueError):
        json.loads(text_of(answer))
    assert len(sandbox.bill(mark)) == 1


def test_a_wrong_schema_is_sound_json_of_another_shape(client: httpx.Client, sandbox: Any) -> None:
    sandbox.fault("wrong_schema")
    answer = client.post(f"{MODEL}:generateContent", json=STRUCTURED).json()
    assert "title" not in json.loads(text_of(answer))


def test_a_body_that_is_cut_breaks_the_connection_and_is_billed(client: httpx.Client, sandbox: Any) -> None:
    mark = sandbox.mark()
    sandbox.fault("cut")
    with pytest.raises(httpx.RemoteProtocolError):
        client.post(f"{MODEL}:generateContent", json=ASK)
    assert len(sandbox.bill(mark)) == 1


def test_a_cut_stream_is_billed_for_what_was_sent(client: httpx.Client, sandbox: Any) -> None:
    mark = sandbox.mark()
    sandbox.fault("cut")
    received = b""
    with (
        pytest.raises(httpx.RemoteProtocolError),
        client.stream("POST", f"{MODEL}:streamGenerateContent?alt=sse", json=ASK) as response,
    ):
        for piece in response.iter_bytes():
            received += piece
    last = json.loads(received.decode().strip().split("\r\n\r\n")[-1].removeprefix("data: "))
    usage, (line,) = last["usageMetadata"], sandbox.bill(mark)
    assert "finishReason" not in last["candidates"][0]
    assert line["units"]["output_tokens"] == usage["candidatesTokenCount"] + usage["thoughtsTokenCount"]


@pytest.mark.parametrize("path", [":generateContent", ":streamGenerateContent?alt=sse"])
def test_a_call_that_hangs_never_answers_and_is_billed(client: httpx.Client, sandbox: Any, path: str) -> None:
    mark = sandbox.mark()
    sandbox.fault("hang")
    with pytest.raises(httpx.ReadTimeout):
        client.post(f"{MODEL}{path}", json=ASK, timeout=0.4)
    assert len(sandbox.bill(mark)) == 1


def test_a_dripping_body_arrives_in_drops_and_whole(client: httpx.Client, sandbox: Any) -> None:
    whole = client.post(f"{MODEL}:generateContent", json=ASK).json()
    sandbox.fault("drip", pause=0.001, bytes=64)
    with client.stream("POST", f"{MODEL}:generateContent", json=ASK) as response:
        drops = list(response.iter_raw())
    assert len(drops) > 5
    assert json.loads(b"".join(drops)) == whole


def test_a_slow_answer_keeps_the_client_waiting(client: httpx.Client, sandbox: Any) -> None:
    sandbox.fault("slow", seconds=0.8)
    with pytest.raises(httpx.ReadTimeout):
        client.post(f"{MODEL}:generateContent", json=ASK, timeout=0.3)
    assert client.post(f"{MODEL}:generateContent", json=ASK).status_code == 200


@pytest.mark.parametrize(
    ("fault", "status"), [("failed", "failed"), ("max_tokens", "incomplete"), ("empty", "completed")]
)
def test_perplexity_fails_with_status_200(
    client: httpx.Client, sandbox: Any, fault: str, status: str
) -> None:
    mark = sandbox.mark()
    sandbox.fault(fault)
    response = client.post("/v1/agent", json=SEARCH)
    assert (response.status_code, response.json()["status"]) == (200, status)
    assert len(sandbox.bill(mark)) == 1


def test_an_image_that_is_blocked_has_no_picture(client: httpx.Client, sandbox: Any) -> None:
    sandbox.fault("safety")
    answer = client.post("/v1beta/models/gemini-nano-banana-2.1:generateContent", json=ASK).json()
    assert answer["candidates"][0]["finishReason"] == "IMAGE_SAFETY"
    assert "parts" not in answer["candidates"][0]["content"]


def test_rules_are_listed_and_an_unknown_fault_is_refused(client: httpx.Client, sandbox: Any) -> None:
    sandbox.fault("empty", times=3)
    (rule,) = client.get("/sandbox/faults").json()["rules"]
    assert (rule["fault"], rule["times"], rule["hits"]) == ({"type": "empty"}, 3, 0)
    refused = client.post("/sandbox/faults", json={"fault": {"type": "explode"}})
    assert (refused.status_code, "hang" in refused.json()["error"]["message"]) == (400, True)
    sandbox.clear_faults()
    assert client.get("/sandbox/faults").json()["rules"] == []
