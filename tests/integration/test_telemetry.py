"""What is seen of a call: events, metrics and spans off the ledger's transitions, and nothing of what was said."""

from __future__ import annotations

import json
import logging
import re
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from prometheus_client import generate_latest

from domain.calls import Call, JobKind, TextRequest, Usage
from domain.errors import BudgetExceeded, PostHubError
from fetching.fetcher import SafeFetcher
from gateway.build import build_gateway
from gateway.calls.breaker import CircuitBreakers
from gateway.config import GatewayConfig, ProviderConfig
from gateway.gateway import Gateway
from gateway.providers.prices import shipped_prices
from runtime.telemetry import Metrics, Telemetry, watching
from store.content.files import FileStore
from store.database import Database
from store.money import observe
from store.money.ledger import Hold, Ledger
from store.money.prices import Prices

CALL = Call("org-1", "company-1", "run-1", "ultimate", JobKind.GENERATE_BLOGPOST, "write", "topic-1")
CANARIES = ("PROMPT-CANARY", "SYSTEM-CANARY", "KEY-CANARY")
ASK = TextRequest("text", CANARIES[1], CANARIES[0], 400)
HOLD = Hold("attempt-1", "job-1", CALL, "gemini", "m", "litellm", 500, ("price",))


class Spans:
    """A tracer that keeps what it is given."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []
        self.ended = 0

    def start_span(self, name: str, attributes: dict[str, Any]) -> Any:
        self.made.append({"name": name, **attributes})
        return self

    def set_attributes(self, attributes: dict[str, Any]) -> None:
        self.made[-1].update(attributes)

    def set_status(self, *status: Any) -> None:
        self.made[-1]["status"] = status

    def end(self) -> None:
        self.ended += 1


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Spans:
    spans = Spans()
    monkeypatch.setattr(trace, "get_tracer", lambda *_: spans)
    return spans


@pytest.fixture
def telemetry(spans: Spans, caplog: pytest.LogCaptureFixture) -> Iterator[Telemetry]:
    caplog.set_level(logging.INFO, "posthub.money")
    with watching() as telemetry:
        yield telemetry


@pytest.fixture
async def gateway(sandbox: Any, database: Database, files: FileStore) -> Any:
    await Prices(database).load_shipped(shipped_prices())
    provider = ProviderConfig("gemini", CANARIES[2], sandbox.base_url)
    config = GatewayConfig(providers={"gemini": provider}, engine="google", text_seconds=5.0)
    ledger = Ledger(database, default_limit_micro=50_000_000)
    gateway = build_gateway(config, database, files, SafeFetcher(), ledger=ledger)
    yield gateway
    await gateway.aclose()


def value(telemetry: Telemetry, name: str, **labels: str) -> float:
    return telemetry.metrics.registry.get_sample_value(name, labels) or 0.0


def events(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(each.message) for each in caplog.records if each.name == "posthub.money"]


async def test_a_call_is_seen_as_events_metrics_and_a_span_that_agree_with_the_ledger(
    gateway: Gateway, telemetry: Telemetry, spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    served = (await gateway.text(CALL, ASK)).served
    held, settled = events(caplog)
    assert [held["event"], settled["event"]] == ["attempt.held", "attempt.settled"]
    assert (settled["run"], settled["job"], settled["organization"]) == ("run-1", served.job_id, "org-1")
    assert settled["attempt"] == held["attempt"] == spans.made[0]["attempt"]
    assert settled["cost_micro"] == served.cost_micro == spans.made[0]["cost_micro"]
    cost = value(telemetry, "posthub_cost_usd_total", organization="org-1", provider="gemini", basis="usage")
    assert round(cost * 1_000_000) == served.cost_micro
    assert value(telemetry, "posthub_open_holds", provider="gemini") == 0
    assert spans.ended == 1
    await gateway.text(CALL, ASK)
    assert value(telemetry, "posthub_replays_total", kind="generate_blogpost") == 1
    assert len(events(caplog)) == 2


async def test_no_prompt_answer_or_key_is_in_any_event_metric_or_span(
    gateway: Gateway, telemetry: Telemetry, spans: Spans, sandbox: Any, caplog: pytest.LogCaptureFixture
) -> None:
    answer = (await gateway.text(CALL, ASK)).text
    sandbox.fault("status", status=400, message=f"bad {CANARIES[0]} {CANARIES[2]}")
    with pytest.raises(PostHubError):
        await gateway.text(replace(CALL, item="refused"), ASK)
    written = json.dumps(events(caplog)) + generate_latest(telemetry.metrics.registry).decode()
    written += json.dumps(spans.made, default=str)
    assert "refused" in written
    assert not [each for each in (*CANARIES, answer[:40]) if each in written]


async def test_a_lost_attempt_counts_as_an_error_and_as_cost_that_is_not_known(
    gateway: Gateway, telemetry: Telemetry, sandbox: Any
) -> None:
    sandbox.fault("cut", after_bytes=30, provider="gemini")
    with pytest.raises(PostHubError):
        await gateway.text(CALL, ASK)
    text = generate_latest(telemetry.metrics.registry).decode()
    assert 'error="AI_ANSWER_IN_DOUBT"' in text
    assert value(telemetry, "posthub_unknown_cost_usd_total", organization="org-1", provider="gemini") > 0


async def test_a_budget_that_refuses_is_counted_and_opens_nothing(
    database: Database, telemetry: Telemetry
) -> None:
    with pytest.raises(BudgetExceeded):
        await Ledger(database, default_limit_micro=1).hold(HOLD)
    assert value(telemetry, "posthub_budget_refusals_total", organization="org-1") == 1
    assert value(telemetry, "posthub_open_holds", provider="gemini") == 0


def test_a_breaker_shows_while_it_is_open(telemetry: Telemetry) -> None:
    from gateway.calls.failures import from_status

    breakers = CircuitBreakers()
    for _ in range(6):
        breakers.failed("gemini/m", from_status("gemini", 503))
    assert value(telemetry, "posthub_breaker_open", deployment="gemini/m") == 1
    breakers.succeeded("gemini/m")
    assert value(telemetry, "posthub_breaker_open", deployment="gemini/m") == 0


def test_a_close_that_is_told_twice_counts_once() -> None:
    telemetry = Telemetry(Metrics())
    telemetry.held(HOLD)
    for _ in range(2):
        telemetry.closed(
            "attempt-1", state="settled", basis="usage", cost_micro=7, usage=Usage(), error_code=None
        )
    assert value(telemetry, "posthub_attempt_seconds_count", provider="gemini", model="m") == 1


async def test_an_observer_that_fails_fails_no_booking(database: Database) -> None:
    class Broken(observe.Observer):
        def held(self, hold: Hold) -> None:
            raise RuntimeError("broken")

    end = observe.watch(Broken())
    try:
        assert await Ledger(database, default_limit_micro=1000).hold(HOLD)
    finally:
        end()


def test_metrics_are_served_on_the_port_that_is_asked_for_and_a_taken_port_stops_nothing(
    unused_tcp_port: int,
) -> None:
    with watching(unused_tcp_port) as telemetry, watching(unused_tcp_port):
        telemetry.held(HOLD)
        with urllib.request.urlopen(f"http://127.0.0.1:{unused_tcp_port}/metrics") as answer:
            assert 'posthub_open_holds{provider="gemini"} 1.0' in answer.read().decode()


def test_the_dashboard_and_the_reference_name_only_metrics_that_exist_and_all_of_them() -> None:
    known: set[str] = set()
    for metric in Metrics().registry.collect():
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
        known |= {metric.name + suffix for suffix in suffixes[metric.type]}
    root = Path(__file__).parents[2]
    dashboard = (root / "docs" / "grafana" / "posthub.json").read_text(encoding="utf-8")
    reference = (root / "docs" / "reference" / "observability.md").read_text(encoding="utf-8")
    assert json.loads(dashboard)["panels"]
    for text in (dashboard, reference):
        named = set(re.findall(r"\bposthub_[a-z_]+\b", text))
        assert named <= known | {metric.name for metric in Metrics().registry.collect()}, named - known
        assert all(metric.name in text for metric in Metrics().registry.collect())
