"""What goes wrong at a provider, in words, and what it did to money."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from domain.errors import AnswerInDoubt, MoneyState, ProviderBusy, ProviderRefused, ProviderUnreachable
from gateway.calls.failures import from_status, in_doubt, job_unfinished, retry_after, unreachable
from gateway.providers.wire import classified, error_message


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 302])
def test_a_refusal_buys_nothing_and_is_not_repeated(status: int) -> None:
    error = from_status("gemini", status)
    assert isinstance(error, ProviderRefused)
    assert (error.money, error.retryable) == (MoneyState.NONE, False)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 529])
def test_a_busy_provider_bought_nothing_and_may_be_asked_again(status: int) -> None:
    error = from_status("gemini", status)
    assert isinstance(error, ProviderBusy)
    assert (error.money, error.retryable) == (MoneyState.NONE, True)


def test_silence_after_sending_counts_as_money_lost() -> None:
    assert in_doubt("veo", "no answer").money is MoneyState.LOST
    assert job_unfinished("veo", 300).money is MoneyState.HELD
    assert unreachable("veo", "no route").money is MoneyState.NONE


def test_a_bad_key_names_its_variable() -> None:
    bad_google_key = from_status("gemini", 400, "API key not valid. API_KEY_INVALID")
    assert "GEMINI_API_KEY" in bad_google_key.next_step
    assert "PERPLEXITY_API_KEY" in from_status("perplexity", 401).next_step


def test_a_key_that_the_provider_repeats_is_not_shown() -> None:
    error = from_status("perplexity", 401, "Invalid key pplx-secret given", secret="pplx-secret")
    assert "pplx-secret" not in str(error.as_json())


def test_the_providers_details_are_read_and_not_shown() -> None:
    body = '{"error": {"message": "slow down", "details": [{"retryDelay": "4s"}]}}'
    message, details = error_message(body)
    error = from_status("gemini", 429, message, details=details)
    assert error.details["retry_after_seconds"] == 4
    assert error.message.endswith("slow down.")


@pytest.mark.parametrize("body", ["", "<html>", "[]", "[1]", "null", "{}", '{"error": null}'])
def test_an_error_body_of_another_shape_says_nothing(body: str) -> None:
    assert error_message(body)[0] == ""


def test_googles_front_end_wraps_its_error_in_a_list() -> None:
    assert error_message('[{"error": {"message": "no"}}]')[0] == "no"


def test_a_long_message_is_shortened_to_one_line() -> None:
    error = from_status("gemini", 400, "bad\n" * 500)
    assert len(error.message) < 300
    assert "\n" not in error.message


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry-after": "7"}, "", 7),
        ({"retry-after": "0"}, "", 0),
        ({}, '{"details": [{"retryDelay": "2.5s"}]}', 2.5),
        ({}, '{"retryDelay": "30s"}', 30),
        ({"retry-after": "-4"}, "", None),
        ({"retry-after": "soon"}, "", None),
        ({"retry-after": "nan"}, "", None),
        ({}, "", None),
    ],
)
def test_the_wait_is_read_from_the_header_or_from_googles_body(
    headers: dict[str, str], body: str, seconds: float | None
) -> None:
    assert retry_after(headers, body) == seconds


def test_the_wait_may_be_a_date() -> None:
    moment = datetime.now(UTC) + timedelta(seconds=60)
    wait = retry_after({"retry-after": format_datetime(moment, usegmt=True)})
    assert wait is not None
    assert 55 < wait <= 60


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("x"), httpx.ConnectTimeout("x"), httpx.PoolTimeout("x")]
)
def test_what_never_left_bought_nothing(error: Exception) -> None:
    assert isinstance(classified("gemini", error), ProviderUnreachable)


@pytest.mark.parametrize(
    "error",
    [httpx.ReadError("x"), httpx.ReadTimeout("x"), httpx.WriteError("x"), httpx.RemoteProtocolError("x")],
)
def test_what_broke_after_leaving_is_in_doubt(error: Exception) -> None:
    assert isinstance(classified("gemini", error), AnswerInDoubt)


def test_an_error_of_ours_beneath_another_is_passed_on() -> None:
    own = from_status("gemini", 400)
    try:
        raise RuntimeError("wrapped") from own
    except RuntimeError as error:
        assert classified("gemini", error) is own
