"""A schema that the provider refuses, over real HTTP: asked with less, checked by code, booked to the micro-dollar."""

from __future__ import annotations

from dataclasses import replace

from gateway.calls.structured import BY_WORDS, FEWER_RULES
from gateway.gateway import Gateway
from store.database import Database
from store.money.ledger import Ledger
from tests.gateway_standin import Standin
from tests.integration import test_gateway_calls as calls
from tests.integration.test_gateway_calls import ASK, CALL, Person

config, engine, gateway, ledger, standin = (
    calls.config,
    calls.engine,
    calls.gateway,
    calls.ledger,
    calls.standin,
)
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "tags": {"type": "array", "maxItems": 3},
    },
}


async def test_a_refused_schema_is_asked_without_bounds_and_says_so(
    gateway: Gateway, standin: Standin, database: Database, ledger: Ledger
) -> None:
    request = replace(ASK, prompt="[json] [no bounds]", schema=SCHEMA)
    found = await gateway.structured(CALL, request, Person.model_validate)
    assert found.value == Person(name="Ema", age=31)
    assert found.warnings == (FEWER_RULES,)
    assert found.served.model == "gemini-3.8-flash"
    assert await calls.states(database) == ["void", "settled"]
    assert await ledger.run_cost("org-1", "run-1") == standin.billed > 0
    again = await gateway.structured(CALL, request, Person.model_validate)
    assert (again.served.replayed, again.warnings) == (True, (FEWER_RULES,))
    assert len(standin.requests) == 2


async def test_a_provider_that_takes_no_schema_is_told_of_it_in_the_prompt(
    gateway: Gateway, standin: Standin, database: Database
) -> None:
    request = replace(ASK, prompt="[json] [no schema]", schema=SCHEMA)
    found = await gateway.structured(CALL, request, Person.model_validate)
    assert (found.value.age, found.warnings) == (31, (BY_WORDS,))
    assert await calls.states(database) == ["void", "void", "settled"]
    assert "maxItems" not in str(standin.requests[1][1])
    assert "json_schema" in str(standin.requests[2][1]["contents"])
