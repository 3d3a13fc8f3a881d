"""One call to a stand-in provider: its request, its fault, its answer, its bill."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.bill import Charge
from sandbox.faults import BadFault, Fault
from sandbox.prices import Cost, cost_of
from sandbox.seeds import canonical, fingerprint
from sandbox.state import State, state_of
from sandbox.wire import WireResponse, dumps, json_answer

CLIENT_ID_HEADERS = ("x-client-request-id", "x-request-id")


class Refused(Exception):
    """An answer that is an error of the provider; never billed."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


@dataclass
class Exchange:
    """What a provider's handler works with."""

    state: State
    request: Request
    provider: str
    model: str
    raw: bytes
    body: dict[str, Any]
    fault: Fault | None = None
    charges: list[Charge] = field(default_factory=list)

    @property
    def fault_type(self) -> str:
        return self.fault.type if self.fault else ""

    def hash(self, *content: object) -> str:
        """Identity of what was asked: the root of the answer, and the bill's ``request_hash``."""
        return fingerprint(self.state.seed, self.provider, self.model, *(canonical(one) for one in content))

    def charge(self, kind: str, units: dict[str, int | float], request_id: str, request_hash: str) -> Cost:
        """Put the call on the bill when its answer goes out."""
        cost = cost_of(self.model, units, self.provider)
        client = next(
            (self.request.headers[name] for name in CLIENT_ID_HEADERS if name in self.request.headers), ""
        )
        self.charges.append(
            Charge(self.provider, self.model, kind, units, cost, request_id, request_hash, client)
        )
        return cost

    def answer(self, payload: Any, headers: Mapping[str, str] | None = None) -> Response:
        """A JSON answer, sent as the call's fault wants it."""
        return self.send([dumps(payload)], "application/json; charset=UTF-8", headers=headers)

    def send(
        self, pieces: list[bytes], kind: str, stream: bool = False, headers: Mapping[str, str] | None = None
    ) -> Response:
        delay = self.state.stream_delay if stream else 0.0
        return WireResponse(pieces, kind, stream=stream, fault=self.fault, extra=headers or {}, delay=delay)


Handler = Callable[[Exchange], Awaitable[Response]]
ErrorShape = Callable[[int, str, float | None], Response]


async def read_json(request: Request, error: ErrorShape) -> tuple[bytes, dict[str, Any]]:
    raw = await request.body()
    try:
        body = json.loads(raw) if raw else {}
    except ValueError:
        raise Refused(error(400, "Invalid JSON payload received.", None)) from None
    if not isinstance(body, dict):
        raise Refused(error(400, "Invalid JSON payload received. Expected an object.", None))
    return raw, body


async def handle(
    request: Request, provider: str, model: str, handler: Handler, error: ErrorShape
) -> Response:
    """Run one call through faults, handler and bill."""
    state = state_of(request)
    try:
        raw, body = await read_json(request, error)
        exchange = Exchange(state, request, provider, model, raw, body)
        exchange.fault = _fault(exchange)
        if exchange.fault and exchange.fault.refusing:
            retry_after = exchange.fault.options.get("retry_after")
            status = int(exchange.fault.options.get("status", 503))
            message = str(exchange.fault.options.get("message") or f"Fault on request: {status}")
            return error(status, message, None if retry_after is None else float(retry_after))
        response = await handler(exchange)
    except Refused as refused:
        return refused.response
    except BadFault as wrong:
        return json_answer({"error": {"message": str(wrong)}}, 400)
    for charge in exchange.charges:
        state.bill.add(charge)
    return response


def _fault(exchange: Exchange) -> Fault | None:
    body = exchange.raw.decode("utf-8", "replace")
    call = {
        "provider": exchange.provider,
        "method": exchange.request.method,
        "model": exchange.model or str(exchange.body.get("model", "")),
        "path": str(exchange.request.url.path),
        "body": body,
    }
    return exchange.state.faults.pick(call, exchange.request.headers.get("x-posthub-fault"))
