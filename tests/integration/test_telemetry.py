"""What is seen of a call: events, metrics and spans off the ledger's transitions, and nothing of what was said."""

from __future__ import annotations

import gzip
import json
import logging
import re
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import generate_latest

from domain.calls import Call, JobKind, TextRequest, Usage
from domain.errors import BudgetExceeded, PostHubError
from fetching.fetcher import SafeFetcher
from gateway.build import build_gateway
from gateway.calls.breaker import CircuitBreakers
from gateway.config import GatewayConfig, ProviderConfig
from gateway.gateway import Gateway
from gateway.providers.prices import shipped_prices
from runtime.settings import load
from runtime.watching import Metrics, Telemetry, watching
from store.content.files import FileStore
from store.database import Database
from store.money import observe
from store.money.ledger import Hold, Ledger
from store.money.prices import Prices

CALL = Call("org-1", "company-1", "run-1", "ultimate", JobKind.GENERATE_BLOGPOST, "write", "topic-1")
CANARIES = ("PROMPT-CANARY", "SYSTEM-CANARY", "KEY-CANARY")
ASK = TextRequest("text", CANARIES[1], CANARIES[0], 400)
HOLD = Hold("attempt-1", "job-1", CALL, "gemini", "m", "litellm", 500, ("price",))


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What a process whose own SDK collects spans would send."""
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    return spans


@pytest.fixture
def telemetry(spans: InMemorySpanExporter, caplog: pytest.LogCaptureFixture) -> Iterator[Telemetry]:
    caplog.set_level(logging.INFO, "posthub.money")
    with watching(names={"gemini": "gcp.gemini"}) as telemetry:
        yield telemetry


class Receiver(ThreadingHTTPServer):
    """An OTLP receiver over HTTP that keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Received)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.spans: list[Any] = []
        self.metrics: list[Any] = []
        self.services: set[str] = set()

    def take(self, path: str, body: bytes) -> None:
        sent: Any = ExportTraceServiceRequest() if path.endswith("traces") else ExportMetricsServiceRequest()
        sent.ParseFromString(body)
        for of_resource in getattr(sent, "resource_spans", None) or sent.resource_metrics:
            named = {each.key: each.value.string_value for each in of_resource.resource.attributes}
            self.services.add(named["service.name"])
            for scope in getattr(of_resource, "scope_spans", ()):
                self.spans.extend(scope.spans)
            for scope in getattr(of_resource, "scope_metrics", ()):
                self.metrics.extend(scope.metrics)

    def metric(self, name: str) -> Any:
        return next(each for each in self.metrics if each.name == name)


class _Received(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        assert isinstance(self.server, Receiver)
        self.server.take(self.path, body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing on the terminal."""


def _label(point: Any, key: str) -> Any:
    return next(each.value.string_value for each in point.attributes if each.key == key)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


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
    gateway: Gateway, telemetry: Telemetry, spans: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    served = (await gateway.text(CALL, ASK)).served
    held, settled = events(caplog)
    assert [held["event"], settled["event"]] == ["attempt.held", "attempt.settled"]
    assert (settled["run"], settled["job"], settled["organization"]) == ("run-1", served.job_id, "org-1")
    (span,) = spans.get_finished_spans()
    said = dict(span.attributes or {})
    assert settled["attempt"] == held["attempt"] == said["posthub.attempt"]
    assert settled["cost_micro"] == served.cost_micro == said["posthub.cost_micro"]
    cost = value(telemetry, "posthub_cost_usd_total", organization="org-1", provider="gemini", basis="usage")
    assert round(cost * 1_000_000) == served.cost_micro
    assert value(telemetry, "posthub_open_holds", provider="gemini") == 0
    await gateway.text(CALL, ASK)
    assert value(telemetry, "posthub_replays_total", kind="generate_blogpost") == 1
    assert len(events(caplog)) == 2


async def test_no_prompt_answer_or_key_is_in_any_event_metric_or_span(
    gateway: Gateway,
    telemetry: Telemetry,
    spans: InMemorySpanExporter,
    sandbox: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer = (await gateway.text(CALL, ASK)).text
    sandbox.fault("status", status=400, message=f"bad {CANARIES[0]} {CANARIES[2]}")
    with pytest.raises(PostHubError):
        await gateway.text(replace(CALL, item="refused"), ASK)
    written = json.dumps(events(caplog)) + generate_latest(telemetry.metrics.registry).decode()
    written += "".join(span.to_json() for span in spans.get_finished_spans())
    assert "refused" in written
    assert not [each for each in (*CANARIES, answer[:40]) if each in written]


async def test_a_span_names_a_call_as_the_conventions_for_generative_ai_do(
    gateway: Gateway, telemetry: Telemetry, spans: InMemorySpanExporter, sandbox: Any
) -> None:
    served = (await gateway.text(CALL, ASK)).served
    (span,) = spans.get_finished_spans()
    said = dict(span.attributes or {})
    assert (span.name, span.kind) == (f"chat {served.model}", trace.SpanKind.CLIENT)
    assert (
        said.items()
        >= {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "gcp.gemini",
            "gen_ai.request.model": served.model,
            "gen_ai.response.model": served.model,
            "gen_ai.response.finish_reasons": ("STOP",),
            "gen_ai.usage.input_tokens": served.usage.input_tokens,
            "gen_ai.usage.output_tokens": served.usage.output_tokens,
            "gen_ai.usage.cost": served.cost_micro / 1_000_000,
            "gen_ai.conversation.id": "run-1",
        }.items()
    )
    assert said["gen_ai.response.id"]
    assert "error.type" not in said


async def test_the_span_of_a_call_that_failed_says_by_what(
    gateway: Gateway, telemetry: Telemetry, spans: InMemorySpanExporter, sandbox: Any
) -> None:
    sandbox.fault("status", status=400, message="no")
    with pytest.raises(PostHubError) as failed:
        await gateway.text(CALL, ASK)
    said = [dict(span.attributes or {}) for span in spans.get_finished_spans()]
    assert said
    assert said[0]["error.type"] == failed.value.code
    assert said[0]["gen_ai.usage.cost"] == 0
    assert spans.get_finished_spans()[0].status.status_code is trace.StatusCode.ERROR


async def test_what_otlp_receives_of_a_call_is_what_the_ledger_holds(
    gateway: Gateway, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.address)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "month-maker")
    with watching(signals={"traces", "metrics"}, names={"gemini": "gcp.gemini"}):
        served = (await gateway.text(CALL, ASK)).served
        await gateway.text(CALL, ASK)  # the journal answers: no call, no span
    (span,) = receiver.spans
    said = {each.key: each.value for each in span.attributes}
    assert span.name == f"chat {served.model}"
    assert said["gen_ai.usage.output_tokens"].int_value == served.usage.output_tokens
    assert round(said["gen_ai.usage.cost"].double_value * 1_000_000) == served.cost_micro
    assert receiver.services == {"month-maker"}
    tokens = receiver.metric("gen_ai.client.token.usage").histogram.data_points
    assert {_label(each, "gen_ai.token.type"): each.sum for each in tokens} == {
        "input": served.usage.input_tokens,
        "output": served.usage.output_tokens,
    }
    assert receiver.metric("gen_ai.client.operation.duration").histogram.data_points[0].count == 1
    cost = receiver.metric("posthub.cost").sum.data_points[0].as_double
    assert round(cost * 1_000_000) == served.cost_micro


@pytest.mark.parametrize(
    ("environment", "sent"),
    [
        ({}, set()),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, {"traces", "metrics"}),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, {"traces"}),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_METRICS_EXPORTER": "none"},
            {"traces"},
        ),
    ],
)
def test_an_endpoint_alone_switches_sending_on(environment: dict[str, str], sent: set[str]) -> None:
    assert load(environment).otlp == sent


async def test_a_receiver_that_is_away_fails_no_call(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{unused_tcp_port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.5")
    with watching(signals={"traces"}):
        assert (await gateway.text(CALL, ASK)).text


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
