from __future__ import annotations

import base64
import io
import json
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from PIL import Image

MODEL = "/v1beta/models/gemini-3.8-flash"
QUESTION = "Napiš 120 slov o kávě pro firmu Pražírna Hanácké zrno."
ASK = {"contents": [{"role": "user", "parts": [{"text": QUESTION}]}]}
SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "minLength": 20, "maxLength": 80},
        "faqs": {"$ref": "#/$defs/faqs"},
    },
    "required": ["title", "faqs"],
    "$defs": {
        "faqs": {"type": "array", "items": {"type": "string", "maxLength": 100}, "minItems": 2, "maxItems": 4}
    },
}


@pytest.fixture
def client(sandbox: Any) -> Any:
    with httpx.Client(base_url=sandbox.base_url, headers={"x-goog-api-key": "k"}, timeout=300) as client:
        yield client


def text_of(answer: dict[str, Any]) -> str:
    return "".join(part["text"] for part in answer["candidates"][0]["content"]["parts"])


def test_an_answer_has_the_shape_of_generate_content(client: httpx.Client) -> None:
    response = client.post(f"{MODEL}:generateContent", json=ASK)
    answer = response.json()
    usage = answer["usageMetadata"]
    assert response.headers["x-posthub-sandbox"] == "1"
    assert answer["modelVersion"] == "gemini-3.8-flash"
    assert answer["responseId"].startswith("sandbox-")
    assert answer["candidates"][0]["finishReason"] == "STOP"
    assert answer["candidates"][0]["content"]["role"] == "model"
    counted = usage["promptTokenCount"] + usage["candidatesTokenCount"] + usage["thoughtsTokenCount"]
    assert usage["totalTokenCount"] == counted
    assert usage["thoughtsTokenCount"] > 0
    assert 80 <= len(text_of(answer).split()) <= 180


def test_both_versions_and_both_spellings_give_the_same_answer(client: httpx.Client) -> None:
    config = {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}
    snake = {"response_mime_type": "application/json", "response_json_schema": SCHEMA}
    system = {"parts": [{"text": "Jsi redaktor."}]}
    one = client.post(
        f"{MODEL}:generateContent", json={**ASK, "generationConfig": config, "systemInstruction": system}
    )
    other = client.post(
        MODEL.replace("v1beta", "v1") + ":generateContent",
        json={**ASK, "generationConfig": snake, "system_instruction": system},
    )
    assert one.json() == other.json()
    Draft202012Validator(SCHEMA).validate(json.loads(text_of(one.json())))


def test_another_prompt_gives_another_answer(client: httpx.Client) -> None:
    changed = {"contents": [{"parts": [{"text": QUESTION + " Důvod: moc obecné."}]}]}
    one, other = (client.post(f"{MODEL}:generateContent", json=body).json() for body in (ASK, changed))
    assert text_of(one) != text_of(other)


def test_a_stream_brings_the_same_text_with_growing_usage_and_the_reason_last(client: httpx.Client) -> None:
    response = client.post(f"{MODEL}:streamGenerateContent?alt=sse", json=ASK)
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = response.text.split("\r\n\r\n")
    assert lines.pop() == ""
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines]
    whole = client.post(f"{MODEL}:generateContent", json=ASK).json()
    assert "".join(text_of(chunk) for chunk in chunks) == text_of(whole)
    totals = [chunk["usageMetadata"]["totalTokenCount"] for chunk in chunks]
    assert totals == sorted(totals)
    assert chunks[-1]["usageMetadata"] == whole["usageMetadata"]
    assert [("finishReason" in chunk["candidates"][0]) for chunk in chunks] == [False] * (len(chunks) - 1) + [
        True
    ]


def test_the_bill_says_what_the_usage_says(client: httpx.Client, sandbox: Any) -> None:
    mark = sandbox.mark()
    usage = client.post(f"{MODEL}:generateContent", json=ASK).json()["usageMetadata"]
    (line,) = sandbox.bill(mark)
    output = usage["candidatesTokenCount"] + usage["thoughtsTokenCount"]
    exact = usage["promptTokenCount"] * 750_000 + output * 3_750_000
    assert (line["provider"], line["model"], line["kind"]) == ("gemini", "gemini-3.8-flash", "text")
    assert line["cost_micro_usd"] == (exact + 500_000) // 1_000_000


def test_a_stream_that_the_client_leaves_is_billed(client: httpx.Client, sandbox: Any) -> None:
    mark = sandbox.mark()
    with client.stream("POST", f"{MODEL}:streamGenerateContent?alt=sse", json=ASK) as response:
        next(response.iter_bytes())
    assert len(sandbox.bill(mark)) == 1


def test_an_answer_that_is_too_long_is_cut_at_its_limit(client: httpx.Client) -> None:
    body = {**ASK, "generationConfig": {"maxOutputTokens": 400, "thinkingConfig": {"thinkingLevel": "LOW"}}}
    body["contents"] = [{"parts": [{"text": "Napiš 900 slov o kávě."}]}]
    answer = client.post(f"{MODEL}:generateContent", json=body).json()
    usage = answer["usageMetadata"]
    assert answer["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert usage["candidatesTokenCount"] + usage["thoughtsTokenCount"] <= 400


@pytest.mark.parametrize(
    "model", ["gemini-1.5-pro-002", "imagen-4.0-generate-001", "text-embedding-004", "veo-3"]
)
def test_retired_models_are_not_found(client: httpx.Client, model: str) -> None:
    if model == "veo-3":
        response = client.post(f"/v1beta/models/{model}.0:predictLongRunning", json={})
    else:
        response = client.post(f"/v1beta/models/{model}:generateContent", json=ASK)
    assert response.status_code == 404
    assert response.json()["error"]["status"] == "NOT_FOUND"


def test_a_key_is_needed_and_a_bad_one_is_named(client: httpx.Client, sandbox: Any) -> None:
    bad = client.post(f"{MODEL}:generateContent", json=ASK, headers={"x-goog-api-key": "bad-key"})
    none = httpx.post(f"{sandbox.base_url}{MODEL}:generateContent", json=ASK)
    assert (bad.status_code, bad.json()["error"]["details"][0]["reason"]) == (400, "API_KEY_INVALID")
    assert (none.status_code, none.json()["error"]["status"]) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    "body", [{}, {"contents": []}, {**ASK, "surprise": 1}, {**ASK, "generationConfig": {"x": 1}}]
)
def test_a_body_that_google_would_refuse_is_refused_and_costs_nothing(
    client: httpx.Client, sandbox: Any, body: dict[str, Any]
) -> None:
    mark = sandbox.mark()
    response = client.post(f"{MODEL}:generateContent", json=body)
    assert (response.status_code, response.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert sandbox.bill(mark) == []


def test_too_much_input_is_refused_in_googles_words(client: httpx.Client) -> None:
    body = {"contents": [{"parts": [{"text": "slovo " * 600_000}]}]}
    response = client.post(f"{MODEL}:generateContent", json=body)
    assert response.status_code == 400
    assert "input token count" in response.json()["error"]["message"]


def test_embeddings_are_the_same_each_time_and_near_for_like_texts(client: httpx.Client) -> None:
    texts = ["jak vybrat kávu domů", "jak si vybrat kávu domů", "daňové přiznání pro živnostníka"]
    requests = [
        {"model": "models/gemini-embedding-001", "content": {"parts": [{"text": text}]}} for text in texts
    ]
    path = "/v1beta/models/gemini-embedding-001:batchEmbedContents"
    one, other = (client.post(path, json={"requests": requests}).json()["embeddings"] for _ in range(2))
    first, near, far = (each["values"] for each in one)
    assert one == other
    assert len(first) == 3072
    assert sum(a * a for a in first) == pytest.approx(1, abs=1e-3)
    assert sum(a * b for a, b in zip(first, near, strict=True)) > 0.5
    assert sum(a * b for a, b in zip(first, far, strict=True)) < 0.3


def test_an_embedding_comes_in_the_asked_size(client: httpx.Client) -> None:
    body = {"content": {"parts": [{"text": "káva"}]}, "outputDimensionality": 768}
    answer = client.post("/v1beta/models/gemini-embedding-001:embedContent", json=body).json()
    assert len(answer["embedding"]["values"]) == 768


def test_tokens_are_counted_as_they_are_billed(client: httpx.Client) -> None:
    counted = client.post(f"{MODEL}:countTokens", json=ASK).json()["totalTokens"]
    assert (
        counted
        == client.post(f"{MODEL}:generateContent", json=ASK).json()["usageMetadata"]["promptTokenCount"]
    )


def test_a_key_can_be_tried_on_the_list_of_models_for_nothing(client: httpx.Client, sandbox: Any) -> None:
    mark = sandbox.mark()
    names = [model["name"] for model in client.get("/v1beta/models").json()["models"]]
    assert "models/gemini-3.8-flash" in names
    assert client.get("/v1beta/models/gemini-1.5-pro").status_code == 404
    assert sandbox.bill(mark) == []


def test_an_image_is_a_part_in_the_asked_ratio_and_costs_its_tokens(
    client: httpx.Client, sandbox: Any
) -> None:
    mark = sandbox.mark()
    config = {
        "responseModalities": ["IMAGE", "TEXT"],
        "imageConfig": {"aspectRatio": "9:16", "imageSize": "1K"},
    }
    body = {"contents": [{"parts": [{"text": "Šálek kávy v ranním světle"}]}], "generationConfig": config}
    answer = client.post("/v1beta/models/gemini-nano-banana-2.1:generateContent", json=body).json()
    data = answer["candidates"][0]["content"]["parts"][0]["inlineData"]
    image = Image.open(io.BytesIO(base64.b64decode(data["data"])))
    usage = answer["usageMetadata"]
    assert (data["mimeType"], image.size) == ("image/png", (576, 1024))
    assert usage["candidatesTokensDetails"] == [{"modality": "IMAGE", "tokenCount": 1120}]
    (line,) = sandbox.bill(mark)
    assert line["cost_micro_usd"] == (usage["promptTokenCount"] * 15 + 1120 * 300 + 5) // 10


def test_a_text_model_makes_no_images(client: httpx.Client) -> None:
    body = {**ASK, "generationConfig": {"responseModalities": ["IMAGE"]}}
    assert client.post(f"{MODEL}:generateContent", json=body).status_code == 400
