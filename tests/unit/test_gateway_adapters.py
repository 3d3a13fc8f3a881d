"""The HTTP adapters' wire formats, at the HTTP edge."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import respx

from domain.calls import ImageRequest, SearchRequest, VideoRequest
from domain.errors import (
    AnswerInDoubt,
    FetchFailed,
    MediaJobFailed,
    MoneyState,
    ProviderBusy,
    ProviderRefused,
)
from fetching import failures
from gateway.config import GatewayConfig, ProviderConfig
from gateway.ports import Answer, Finish, MediaFile, Operation
from gateway.providers import media_job
from gateway.providers.gemini.video import GoogleVeo, OmniVideo
from gateway.providers.media_job import Polling
from gateway.providers.nanobana import Nanobana
from gateway.providers.perplexity import Perplexity
from gateway.providers.veo import VeoHttp

BASE = "https://provider.example"
CONFIG = ProviderConfig("provider", "the-key", BASE)
POLLING = Polling(0.001, 0.2)
MODELS = GatewayConfig(providers={}).models
OMNI = MODELS.of(MODELS.videos["omni"])
VIDEO = VideoRequest("Pára", "text", "2:3", 8)


class Attempt:
    id = "attempt-1"

    def __init__(self) -> None:
        self.sent = 0

    async def sending(self) -> None:
        self.sent += 1


class Fetcher:
    """Notes what is fetched and with which headers."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Any, Any]] = []

    async def get(self, url: str, **options: Any) -> MediaFile:
        self.got.append((url, options["headers"], options["allowed_hosts"]))
        return MediaFile(b"bytes", "video/mp4")


def sent(route: respx.Route) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(route.calls.last.request.content)
    return body


def perplexity() -> Perplexity:
    return Perplexity(ProviderConfig("perplexity", "the-key", BASE), MODELS, read_seconds=5)


@respx.mock
async def test_perplexity_gets_the_fields_it_knows_and_nothing_else() -> None:
    route = respx.post(f"{BASE}/v1/agent").respond(json={"status": "completed", "output": [], "usage": {}})
    attempt = Attempt()
    await perplexity().search("perplexity/sonar", SearchRequest("Kdo?", system="Sys"), attempt)
    assert attempt.sent == 1
    assert route.calls.last.request.headers["authorization"] == "Bearer the-key"
    body = sent(route)
    assert set(body) == {
        "model",
        "input",
        "instructions",
        "max_output_tokens",
        "language_preference",
        "max_steps",
        "tools",
        "tool_choice",
    }
    assert body["tools"][0]["user_location"] == {"country": "CZ"}
    assert "filters" not in body["tools"][0]


@respx.mock
@pytest.mark.parametrize(
    ("status", "details", "finish"),
    [
        ("incomplete", {"reason": "max_output_tokens"}, Finish.LENGTH),
        ("incomplete", {"reason": "content_filter"}, Finish.BLOCKED),
        ("failed", None, Finish.OTHER),
        ("cancelled", None, Finish.OTHER),
    ],
)
async def test_a_status_that_is_not_completed_is_told_although_it_comes_with_200(
    status: str, details: dict[str, str] | None, finish: Finish
) -> None:
    usage = {"input_tokens": 5, "output_tokens": 1}
    answer: dict[str, Any] = {"status": status, "incomplete_details": details, "output": [], "usage": usage}
    respx.post(f"{BASE}/v1/agent").respond(json=answer)
    found = await perplexity().search("perplexity/sonar", SearchRequest("Kdo?"), Attempt())
    assert found.finish is finish
    assert found.units == {"input": 5, "output": 1, "search": 0}


@respx.mock
async def test_a_search_that_failed_without_usage_was_not_billed() -> None:
    respx.post(f"{BASE}/v1/agent").respond(
        json={"status": "failed", "error": {"message": "tool"}, "usage": None}
    )
    with pytest.raises(ProviderBusy, match="tool"):
        await perplexity().search("perplexity/sonar", SearchRequest("Kdo?"), Attempt())


@respx.mock
async def test_a_redirect_is_not_followed_with_the_key() -> None:
    respx.post(f"{BASE}/v1/agent").respond(307, headers={"location": "https://evil.example/"})
    with pytest.raises(ProviderRefused):
        await perplexity().search("perplexity/sonar", SearchRequest("Kdo?"), Attempt())


@respx.mock
async def test_nanobana_is_asked_in_the_briefs_words_and_gives_an_operation() -> None:
    route = respx.post(f"{BASE}/v1/images/generate").respond(json={"images": [{"url": f"{BASE}/a.png"}]})
    fetcher = Fetcher()
    provider = Nanobana(CONFIG, fetcher, read_seconds=5)
    operation = await provider.submit("imagen-3", ImageRequest("Šálek", "blurry", "1:1"), Attempt())
    assert sent(route) == {
        "prompt": "Šálek",
        "negative_prompt": "blurry",
        "aspect_ratio": "1:1",
        "model": "imagen-3",
        "output_format": "png",
    }
    assert isinstance(operation, Operation)
    answer = await provider.collect(operation)
    assert answer.units == {"image": 1}
    assert fetcher.got == [(f"{BASE}/a.png", None, (("provider.example", 443),))]


@respx.mock
async def test_an_answer_without_an_image_is_an_answer_without_a_file() -> None:
    respx.post(f"{BASE}/v1/images/generate").respond(json={"images": []})
    provider = Nanobana(CONFIG, Fetcher(), read_seconds=5)
    answer = await provider.submit("imagen-3", ImageRequest("Šálek", "", "1:1"), Attempt())
    assert isinstance(answer, Answer)
    assert (answer.media, answer.units) == (None, None)


@respx.mock
async def test_veo_is_asked_in_the_briefs_words_and_polled_until_it_has_ended() -> None:
    route = respx.post(f"{BASE}/v1/videos/generate").respond(json={"id": "v-1"})
    done = {
        "status": "completed",
        "video_url": f"{BASE}/v.mp4",
        "thumbnail_url": f"{BASE}/v.png",
        "duration": 6,
    }
    poll = respx.get(f"{BASE}/v1/videos/v-1").mock(
        side_effect=[
            httpx.Response(200, json={"status": "processing"}),
            httpx.Response(503),
            httpx.Response(200, json=done),
        ]
    )
    provider = VeoHttp(CONFIG, Fetcher(), POLLING, read_seconds=5)
    operation = await provider.submit("veo-3", VIDEO, Attempt())
    assert sent(route) == {"prompt": "Pára", "duration_seconds": 8, "aspect_ratio": "2:3", "model": "veo-3"}
    answer = await provider.collect(operation)
    assert (answer.seconds, answer.units) == (6.0, {"second": 6.0})
    assert answer.thumbnail is not None
    assert poll.call_count == 3


@respx.mock
async def test_a_submission_without_an_id_is_in_doubt() -> None:
    respx.post(f"{BASE}/v1/videos/generate").respond(json={})
    with pytest.raises(AnswerInDoubt):
        await VeoHttp(CONFIG, Fetcher(), POLLING, read_seconds=5).submit("veo-3", VIDEO, Attempt())


@respx.mock
async def test_a_job_that_never_ends_is_given_up_with_its_money_held() -> None:
    respx.get(f"{BASE}/v1/videos/v-1").respond(json={"status": "processing"})
    provider = VeoHttp(CONFIG, Fetcher(), Polling(0.001, 0.05), read_seconds=5)
    with pytest.raises(MediaJobFailed) as failure:
        await provider.collect(Operation("v-1", {"seconds": 8}))
    assert failure.value.money is MoneyState.HELD


@respx.mock
async def test_omni_runs_in_the_background_and_its_file_is_fetched_with_the_key() -> None:
    route = respx.post(f"{BASE}/v1beta/interactions").respond(json={"id": "i-1", "status": "in_progress"})
    fetcher = Fetcher()
    provider = OmniVideo(CONFIG, fetcher, POLLING, OMNI, read_seconds=5)
    operation = await provider.submit("gemini-omni-1.1-flash", VIDEO, Attempt())
    assert sent(route)["background"] is True
    assert sent(route)["response_format"] == {
        "type": "video",
        "delivery": "uri",
        "aspect_ratio": "9:16",
        "resolution": "720p",
        "duration": "8s",
    }
    respx.get(f"{BASE}/v1beta/interactions/i-1").respond(
        json={
            "status": "completed",
            "steps": [{"type": "model_output", "content": [{"type": "video", "uri": f"{BASE}/b.mp4"}]}],
            "usage": {
                "total_input_tokens": 6,
                "total_output_tokens": 46346,
                "output_tokens_by_modality": [{"modality": "video", "tokens": 46336}],
            },
        }
    )
    answer = await provider.collect(operation)
    assert answer.units == {"input": 6, "output": 10, "video_token": 46336}
    assert fetcher.got[0][1] == {"x-goog-api-key": "the-key"}


@respx.mock
async def test_omni_refusing_in_words_is_a_block_that_is_billed() -> None:
    content = [{"type": "text", "text": "I can't make this."}]
    usage = {"total_input_tokens": 6, "total_output_tokens": 12}
    respx.get(f"{BASE}/v1beta/interactions/i-1").respond(
        json={"status": "completed", "steps": [{"type": "model_output", "content": content}], "usage": usage}
    )
    provider = OmniVideo(CONFIG, Fetcher(), POLLING, OMNI, read_seconds=5)
    answer = await provider.collect(Operation("i-1", {"seconds": 8}))
    assert (answer.media, answer.finish) == (None, Finish.BLOCKED)
    assert answer.units == {"input": 6, "output": 12, "video_token": 0}


@respx.mock
async def test_an_omni_job_that_failed_without_usage_was_not_billed() -> None:
    respx.get(f"{BASE}/v1beta/interactions/i-1").respond(
        json={"status": "failed", "error": {"message": "gpu"}}
    )
    provider = OmniVideo(CONFIG, Fetcher(), POLLING, OMNI, read_seconds=5)
    with pytest.raises(MediaJobFailed, match="gpu") as failure:
        await provider.collect(Operation("i-1", {"seconds": 8}))
    assert failure.value.money is MoneyState.NONE


@respx.mock
async def test_google_veo_takes_a_negative_prompt_and_is_known_by_its_operation() -> None:
    name = "models/veo-3.1-generate-001/operations/op-1"
    route = respx.post(f"{BASE}/v1beta/models/veo-3.1-generate-001:predictLongRunning").respond(
        json={"name": name}
    )
    provider = GoogleVeo(CONFIG, Fetcher(), POLLING, MODELS.of(MODELS.videos["veo-google"]), read_seconds=5)
    operation = await provider.submit("veo-3.1-generate-001", VIDEO, Attempt())
    assert sent(route)["parameters"]["negativePrompt"] == "text"
    assert operation.id == name


@respx.mock
@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        ({"error": {"code": 13, "message": "internal"}}, "internal"),
        ({"response": {"generateVideoResponse": {"raiMediaFilteredReasons": ["a face"]}}}, "a face"),
        ({"response": {}}, "no video"),
    ],
)
async def test_a_google_veo_job_that_ended_without_a_video_failed(ended: dict[str, Any], reason: str) -> None:
    respx.get(f"{BASE}/v1beta/op").respond(json={"done": True, **ended})
    provider = GoogleVeo(CONFIG, Fetcher(), POLLING, MODELS.of(MODELS.videos["veo-google"]), read_seconds=5)
    with pytest.raises(MediaJobFailed, match=reason):
        await provider.collect(Operation("op", {"seconds": 8}))


async def test_a_file_that_cannot_be_fetched_tells_an_editor_what_an_editor_can_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Gone:
        async def get(self, url: str, **options: Any) -> MediaFile:
            raise failures.bad_status(url, 403)

    monkeypatch.setattr(media_job, "_FETCH_AGAIN_SECONDS", (0.0,))
    config = ProviderConfig("veo", "key", "https://veo.example")
    with pytest.raises(FetchFailed, match="veo has made the file") as caught:
        await media_job.fetch(Gone(), config, "https://files.example/clip.mp4?signature=abc")
    assert "browser" not in str(caught.value) and "signature" not in str(caught.value)
    assert "reject the picture or clip" in caught.value.next_step
    assert caught.value.details["status"] == 403
