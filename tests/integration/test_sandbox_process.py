from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parent.parent.parent
SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "hashtags": {"type": "array", "items": {}}},
}


@contextmanager
def running(*flags: str, stdin: int | None = subprocess.PIPE) -> Iterator[tuple[Any, dict[str, Any]]]:
    command = [sys.executable, "-m", "sandbox", *flags]
    process = subprocess.Popen(command, cwd=ROOT, stdin=stdin, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        process.wait(300)


def answers(base_url: str, site: str) -> list[Any]:
    text = f"Napiš 200 slov o kávě. Web: {site}"
    body: dict[str, Any] = {"contents": [{"parts": [{"text": text}]}]}
    search = {"model": "perplexity/sonar", "input": text, "preset": "low"}
    image = {"generationConfig": {"imageConfig": {"aspectRatio": "3:2"}}}
    with httpx.Client(
        base_url=base_url, headers={"x-goog-api-key": "k", "Authorization": "Bearer k"}
    ) as client:
        structured = {**body, "generationConfig": {"responseJsonSchema": SCHEMA}}
        found = client.post("/v1/agent", json=search).json()
        return [
            client.post("/v1beta/models/gemini-3.8-flash:generateContent", json=body).json(),
            client.post("/v1beta/models/gemini-3.8-flash:generateContent", json=structured).json(),
            client.post(
                "/v1beta/models/gemini-nano-banana-2.1:generateContent", json={**body, **image}
            ).json(),
            [item["content"] for item in found["output"] if item["type"] == "message"],
        ]


def test_the_same_seed_gives_the_same_answers_in_any_order_and_another_seed_others(tmp_path: Path) -> None:
    flags = ("--parent-stdin", "--home")
    with (
        running(*flags, str(tmp_path / "a"), "--seed", "7") as (_, one),
        running(*flags, str(tmp_path / "b"), "--seed", "7") as (_, two),
        running(*flags, str(tmp_path / "c"), "--seed", "8") as (_, other),
    ):
        httpx.post(
            f"{two['base_url']}/v1beta/models/gemini-3.8-flash:generateContent",
            json={"contents": [{"parts": [{"text": "něco jiného dřív"}]}]},
            headers={"x-goog-api-key": "k"},
        )
        first = answers(one["base_url"], one["sites"][0]["url"])
        assert first == answers(two["base_url"], two["sites"][0]["url"])
        assert all(a != b for a, b in zip(first[:2], answers(other["base_url"], "x")[:2], strict=True))


def test_a_job_outlives_the_sandbox_that_took_it(tmp_path: Path) -> None:
    body = {"prompt": "káva", "duration_seconds": 2, "aspect_ratio": "1:1", "model": "veo-3"}
    headers = {"Authorization": "Bearer k"}
    with running("--home", str(tmp_path), "--job-seconds", "0") as (_, ready):
        job = httpx.post(f"{ready['base_url']}/v1/videos/generate", json=body, headers=headers).json()["id"]
    with running("--home", str(tmp_path), "--job-seconds", "0") as (_, ready):
        answer = httpx.get(f"{ready['base_url']}/v1/videos/{job}", headers=headers).json()
        assert answer["status"] == "completed"
        assert httpx.get(answer["video_url"]).status_code == 200
        assert len(httpx.get(f"{ready['base_url']}/sandbox/bill").json()["lines"]) == 1


def test_it_ends_when_its_parents_stdin_closes() -> None:
    with running("--parent-stdin") as (process, _):
        process.stdin.close()
        assert process.wait(300) == 0


def test_it_ends_cleanly_at_sigterm_even_with_a_call_hanging() -> None:
    with running() as (process, ready):
        home = Path(ready["bill"]).parent
        with pytest.raises(httpx.TimeoutException):
            httpx.post(
                f"{ready['base_url']}/v1beta/models/gemini-3.8-flash:generateContent",
                json={"contents": [{"parts": [{"text": "x"}]}]},
                headers={"x-goog-api-key": "k", "x-posthub-fault": "hang"},
                timeout=0.3,
            )
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 0
        assert not home.exists()


def test_it_keeps_quiet_apart_from_its_ready_line() -> None:
    with tempfile.TemporaryFile("w+") as errors:
        command = [sys.executable, "-m", "sandbox", "--parent-stdin"]
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.post(
                f"{ready['base_url']}/v1beta/models/gemini-3.8-flash:generateContent",
                json={"contents": [{"parts": [{"text": "x"}]}]},
                headers={"x-goog-api-key": "k", "x-posthub-fault": "cut"},
            )
        rest, _ = process.communicate(timeout=300)
        errors.seek(0)
        assert (rest, errors.read()) == ("", "")


def test_the_old_chat_api_can_be_switched_off() -> None:
    with running("--no-legacy-search", "--parent-stdin") as (_, ready):
        body = {"model": "sonar", "messages": [{"role": "user", "content": "x"}]}
        url = f"{ready['base_url']}/chat/completions"
        assert httpx.post(url, json=body, headers={"Authorization": "Bearer k"}).status_code == 410


def test_the_sandbox_says_that_it_is_one(sandbox: Any) -> None:
    answer = httpx.get(f"{sandbox.base_url}/sandbox")
    assert answer.json()["sandbox"] is True
    assert answer.headers["x-posthub-sandbox"] == "1"
