"""Settings: one reader of the environment, which says what is wrong and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import InvalidInput
from runtime.settings import default_home, load


def test_without_any_key_no_provider_is_real() -> None:
    assert not load({"POSTHUB_HOME": "/tmp/x"}).has_provider_key


def test_a_base_url_replaces_the_providers_own_address() -> None:
    settings = load({"GEMINI_API_KEY": "k", "GEMINI_BASE_URL": "http://127.0.0.1:9000/"})
    assert settings.providers["gemini"].base_url == "http://127.0.0.1:9000"
    assert settings.has_provider_key


def test_a_key_never_shows_in_a_providers_text() -> None:
    assert "s3cret" not in repr(load({"GEMINI_API_KEY": "s3cret"}))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("POSTHUB_ENGINE", "openai"),
        ("GEMINI_BASE_URL", "127.0.0.1:80"),
        ("GEMINI_BASE_URL", "http://host/v1beta"),
        ("POSTHUB_ALLOW_PRIVATE_HOSTS", "localhost"),
        ("POSTHUB_ALLOW_PRIVATE_HOSTS", "localhost:99999"),
        ("POSTHUB_MONTHLY_BUDGET_USD", "-1"),
        ("POSTHUB_MONTHLY_BUDGET_USD", "lots"),
        ("POSTHUB_IMAGE_PROVIDERS", "dalle"),
        ("POSTHUB_VIDEO_POLL_SECONDS", "0"),
        ("POSTHUB_ROLE", "king"),
        ("POSTHUB_CORS_ORIGINS", "*"),
        ("POSTHUB_PUBLIC_URL", "desk.example"),
        ("POSTHUB_PUBLIC_URL", "https://desk.example/?a=b"),
        ("POSTHUB_LINK_SECRET", "short"),
        ("POSTHUB_CORS_ORIGINS", "https://desk.example/page"),
        ("POSTHUB_CORS_ORIGINS", "desk.example"),
        ("POSTHUB_ORGANIZATION", ""),
        ("POSTHUB_ORGANIZATION", " \t"),
        ("POSTHUB_PROMPT_PAUSE_SHARE", "2"),
        ("POSTHUB_PROMPT_PAUSE_SHARE", "often"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_naming_the_variable(variable: str, value: str) -> None:
    with pytest.raises(InvalidInput, match=variable) as refused:
        load({variable: value})
    assert refused.value.next_step


def test_private_hosts_are_pairs_of_host_and_port() -> None:
    settings = load({"POSTHUB_ALLOW_PRIVATE_HOSTS": "127.0.0.1:8080, [::1]:9090"})
    assert settings.private_hosts == {("127.0.0.1", 8080), ("::1", 9090)}


def test_roots_data_lies_outside_of_its_home_folder() -> None:
    assert default_home(user_id=0) == Path("/var/lib/posthub")


def test_the_development_servers_placeholders_are_not_taken_for_addresses() -> None:
    settings = load(
        {"DATABASE_URI": ":memory:", "REDIS_URI": "fake", "POSTHUB_DATABASE_URI": "postgresql://db/x"}
    )
    assert settings.database_uri == "postgresql://db/x"
    assert settings.redis_uri is None


def test_a_chain_of_a_purpose_is_replaced_by_its_variable() -> None:
    settings = load({"POSTHUB_CHAIN_WRITING": "gemini/gemini-4-argon, gemini/gemini-3.8-flash"})
    assert [str(each) for each in settings.models.chains["writing"]] == [
        "gemini/gemini-4-argon",
        "gemini/gemini-3.8-flash",
    ]
    assert settings.models.chains["text"] == load({}).models.chains["text"]


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("POSTHUB_CHAIN_POETRY", "gemini/gemini-4-argon", "POSTHUB_CHAIN_WRITING"),
        ("POSTHUB_CHAIN_WRITING", "nobody/gpt-9", "gemini"),
        ("POSTHUB_CHAIN_WRITING", "gemini-4-argon", "provider/model"),
        ("POSTHUB_CHAIN_SEARCH", "gemini/gemini-4-argon", "perplexity"),
        ("POSTHUB_CHAIN_WRITING", ",", "provider/model"),
        ("POSTHUB_CHAIN_WRITING", "gemini/a,gemini/a", "once"),
    ],
)
def test_a_chain_that_cannot_serve_is_refused_with_what_is_allowed(
    variable: str, value: str, allowed: str
) -> None:
    with pytest.raises(InvalidInput, match=variable) as refused:
        load({variable: value})
    assert allowed in refused.value.next_step
