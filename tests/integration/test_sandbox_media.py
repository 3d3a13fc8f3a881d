from __future__ import annotations

import io
import time
from typing import Any

import av
import httpx
import pytest
from PIL import Image

OMNI = {
    "model": "gemini-omni-1.1-flash",
    "input": "Ranní světlo v dílně",
    "background": True,
    "response_format": {"type": "video", "delivery": "uri", "aspect_ratio": "9:16", "duration": "4s"},
}
VEO = {"instances": [{"prompt": "Ranní světlo"}], "parameters": {"aspectRatio": "16:9", "durationSeconds": 4}}


@pytest.fixture
def client(sandbox: Any) -> Any:
    headers = {"x-goog-api-key": "k", "Authorization": "Bearer k"}
    with httpx.Client(base_url=sandbox.base_url, headers=headers, timeout=300) as client:
        yield client


def until(client: httpx.Client, path: str, done: Any) -> dict[str, Any]:
    while not done(answer := client.get(path).json()):
        time.sleep(0.05)
    return answer  # type: ignore[no-any-return]


def seconds_of(data: bytes) -> float:
    with av.open(io.BytesIO(data)) as clip:
        assert isinstance(clip, av.container.InputContainer)
        return float((clip.duration or 0) / 1_000_000)


def omni(client: httpx.Client, **headers: str) -> dict[str, Any]:
    job = client.post("/v1beta/interactions", json=OMNI, headers=headers).json()
    assert job["status"] == "in_progress"
    return until(
        client, f"/v1beta/interactions/{job['id']}", lambda answer: answer["status"] != "in_progress"
    )


def test_an_omni_video_is_submitted_polled_and_downloaded(client: httpx.Client, sandbox: Any) -> None:
    mark = sandbox.mark()
    answer = omni(client)
    (step,) = answer["steps"]
    video = step["content"][0]
    assert (answer["status"], step["type"], video["mime_type"]) == ("completed", "model_output", "video/mp4")
    assert answer["usage"]["output_tokens_by_modality"] == [{"modality": "video", "tokens": 4 * 5792}]
    assert seconds_of(client.get(video["uri"]).content) == pytest.approx(4, abs=0.15)
    assert httpx.get(video["uri"]).status_code == 403
    (line,) = sandbox.bill(mark)
    exact = answer["usage"]["total_input_tokens"] * 15 + 4 * 5792 * 175
    assert (line["provider"], line["cost_micro_usd"]) == ("gemini", (exact + 5) // 10)


def test_a_video_that_fails_or_is_filtered_is_not_billed(client: httpx.Client, sandbox: Any) -> None:
    mark = sandbox.mark()
    assert omni(client, **{"x-posthub-fault": "job_fails"})["status"] == "failed"
    filtered = omni(client, **{"x-posthub-fault": "job_filtered"})
    assert [one["type"] for one in filtered["steps"][0]["content"]] == ["text"]
    assert filtered["usage"]["total_tokens"] == 0
    assert sandbox.bill(mark) == []


def test_a_video_may_never_end(client: httpx.Client) -> None:
    job = client.post("/v1beta/interactions", json=OMNI, headers={"x-posthub-fault": "job_never_ends"}).json()
    time.sleep(1.3)
    assert client.get(f"/v1beta/interactions/{job['id']}").json()["status"] == "in_progress"


def test_an_unknown_interaction_is_an_invalid_name(client: httpx.Client) -> None:
    response = client.get("/v1beta/interactions/v1_nothing")
    assert (response.status_code, response.json()["error"]["message"]) == (400, "Invalid interaction name")


@pytest.mark.parametrize(
    "change", [{"duration": "30s"}, {"duration": 8}, {"aspect_ratio": "1:1"}, {"type": "text"}]
)
def test_an_omni_request_out_of_range_is_refused(client: httpx.Client, change: dict[str, Any]) -> None:
    body = {**OMNI, "response_format": {**OMNI["response_format"], **change}}  # type: ignore[dict-item]
    assert client.post("/v1beta/interactions", json=body).status_code == 400


def test_a_veo_operation_is_polled_to_its_file(client: httpx.Client, sandbox: Any) -> None:
    mark = sandbox.mark()
    name = client.post("/v1beta/models/veo-3.1-generate-001:predictLongRunning", json=VEO).json()["name"]
    assert name.startswith("models/veo-3.1-generate-001/operations/")
    answer = until(client, f"/v1beta/{name}", lambda operation: operation.get("done"))
    (sample,) = answer["response"]["generateVideoResponse"]["generatedSamples"]
    assert seconds_of(client.get(sample["video"]["uri"]).content) == pytest.approx(4, abs=0.15)
    assert [line["cost_micro_usd"] for line in sandbox.bill(mark)] == [1_600_000]


def test_a_veo_operation_fails_in_googles_shape(client: httpx.Client) -> None:
    path = "/v1beta/models/veo-3.1-generate-001:predictLongRunning"
    name = client.post(path, json=VEO, headers={"x-posthub-fault": "job_fails"}).json()["name"]
    failed = until(client, f"/v1beta/{name}", lambda operation: operation.get("done"))
    name = client.post(path, json=VEO, headers={"x-posthub-fault": "safety"}).json()["name"]
    filtered = until(client, f"/v1beta/{name}", lambda operation: operation.get("done"))
    assert "message" in failed["error"]
    assert filtered["response"]["generateVideoResponse"]["raiMediaFilteredCount"] == 1


def test_the_briefs_image_api_answers_with_an_address(client: httpx.Client, sandbox: Any) -> None:
    mark = sandbox.mark()
    body = {"prompt": "káva", "negative_prompt": "text", "aspect_ratio": "16:9", "model": "imagen-3"}
    url = client.post("/v1/images/generate", json={**body, "output_format": "png"}).json()["images"][0]["url"]
    assert url.startswith(sandbox.base_url)
    image = Image.open(io.BytesIO(httpx.get(url).content))
    assert (image.format, image.size) == ("PNG", (1024, 576))
    assert [(line["provider"], line["cost_micro_usd"]) for line in sandbox.bill(mark)] == [
        ("nanobana", 20_000)
    ]


def test_the_briefs_video_api_is_submitted_and_polled(client: httpx.Client, sandbox: Any) -> None:
    mark = sandbox.mark()
    body = {"prompt": "káva", "duration_seconds": 6, "aspect_ratio": "9:16", "model": "veo-3"}
    job = client.post("/v1/videos/generate", json=body).json()
    answer = until(client, f"/v1/videos/{job['id']}", lambda video: video["status"] != "processing")
    assert (answer["status"], answer["duration"], answer["error"]) == ("completed", 6, None)
    assert seconds_of(httpx.get(answer["video_url"]).content) == pytest.approx(6, abs=0.15)
    assert httpx.get(answer["thumbnail_url"]).headers["content-type"] == "image/png"
    assert [(line["provider"], line["cost_micro_usd"]) for line in sandbox.bill(mark)] == [("veo", 300_000)]


def test_the_briefs_video_api_can_fail(client: httpx.Client, sandbox: Any) -> None:
    mark = sandbox.mark()
    body = {"prompt": "káva", "duration_seconds": 6, "aspect_ratio": "9:16", "model": "veo-3"}
    job = client.post("/v1/videos/generate", json=body, headers={"x-posthub-fault": "job_fails"}).json()
    answer = until(client, f"/v1/videos/{job['id']}", lambda video: video["status"] != "processing")
    assert (answer["status"], answer["video_url"]) == ("failed", None)
    assert answer["error"]
    assert sandbox.bill(mark) == []


@pytest.mark.parametrize("path", ["/v1/images/generate", "/v1/videos/generate"])
def test_the_briefs_apis_want_a_key_and_refuse_what_they_do_not_know(sandbox: Any, path: str) -> None:
    url, key = f"{sandbox.base_url}{path}", {"Authorization": "Bearer k"}
    assert httpx.post(url, json={"prompt": "x"}).status_code == 401
    assert httpx.post(url, json={"prompt": "x", "surprise": 1}, headers=key).status_code == 400
    assert httpx.post(url, json={"prompt": ""}, headers=key).status_code == 400
    assert httpx.post(url, json={"prompt": "x", "model": "nothing"}, headers=key).status_code == 404
    assert httpx.get(f"{sandbox.base_url}/v1/videos/unknown", headers=key).status_code == 404
