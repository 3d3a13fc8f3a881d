"""Every store that the sandbox and real providers share: what one leaves there, the other never sees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from alembic import command
from sqlalchemy import create_engine

from domain.calls import Call, JobKind, TemplateRef
from domain.errors import ProviderBusy
from domain.stages import Kind
from domain.worlds import World
from gateway.cache.exact import key_of
from gateway.calls.breaker import CircuitBreakers
from gateway.calls.judge import judge_text
from gateway.calls.request import CallRequest
from gateway.config import GatewayConfig, ProviderConfig
from prompts.actor import Actor
from prompts.editing import Editor
from prompts.experiments import lifecycle
from prompts.experiments.lifecycle import ExperimentSpec, parse_arms
from prompts.experiments.pauses import PauseRule
from prompts.experiments.report import report
from prompts.files import TemplateFile
from prompts.registry import Prompts
from store.content.items import Items, ItemStatus, Owner
from store.content.run_record import RunRecord
from store.content.runs import Runs
from store.database import Database, parse_uri
from store.migrations import config as migrations
from store.money.budgets import Budgets
from store.money.journal import JobKey, Journal
from store.money.ledger import Ledger
from store.money.usage import UsageRecords
from store.prompts import pauses
from store.shared.cache import AnswerCache
from store.shared.limits import SharedWindow
from store.shared.redis import SharedRedis
from store.tenancy import SYSTEM
from tests.money_rows import settled

CODE, MONTH = "BLOGPOST_GEN_V1", "2027-01"
PLACE = (CODE, "cs")
BEFORE = "0014"
"""The migration before the one that tells the worlds apart."""
PROVIDER = {"gemini": ProviderConfig("gemini", "key", "http://127.0.0.1:9")}


class Life:
    """What runs of one world leave in the stores that both share, and what they find there."""

    def __init__(self, world: World, database: Database, shared: SharedRedis, owner: Owner) -> None:
        self.world, self.database = world, database
        self.config = GatewayConfig(PROVIDER, sandbox=world is World.SANDBOX)
        self.run = replace(owner, run_id=f"run-{world}")
        self.ledger = Ledger(database, default_limit_micro=1000, world=world)
        self.budgets = Budgets(database, default_limit_micro=1000, world=world)
        self.journal = Journal(database, owner=self.ledger.owner)
        self.usage = UsageRecords(database, world=world)
        self.items = Items(database, world=world)
        self.prompts = Prompts(database, pause_rule=PauseRule(share=0.1, calls=1), world=world)
        self.editor = Editor(database, "org-1", Actor("eva", "admin", "tests"), world=world)
        self.window = SharedWindow(shared, world)
        self.answers = AnswerCache(shared)
        self.shared = shared

    def call(self, item: str = "t1", step: str = "draft", template: TemplateRef | None = None) -> Call:
        names = (self.run.organization_id, self.run.company_id, "any-run", "ultimate")
        return Call(*names, JobKind.GENERATE_BLOGPOST, "write_post", item, step=step, template=template)

    @property
    def request(self) -> CallRequest:
        return CallRequest(self.call(), "text", {"q": "x"}, (), judge_text, 1.0, world=self.world)

    def breakers(self) -> CircuitBreakers:
        return CircuitBreakers(self.shared, account=self.config.account)

    async def leave(self) -> None:
        """Do what runs do."""
        run = RunRecord(self.run.run_id, "org-1", self.run.company_id, MONTH, "pro", {}, "1")
        await Runs(self.database).create(replace(run, sandbox=self.world is World.SANDBOX))
        await self.items.save(
            self.run, Kind.TOPIC, "t1", 0, {"plannedDate": f"{MONTH}-05"}, status=ItemStatus.APPROVED
        )
        arm = await self.arm()
        for step in ("draft", "draft/again"):
            key = JobKey(self.call("t9", step, arm), "writing", step, {}, self.world)
            await self.journal.claim(key, lease_seconds=60)
        await self.prompts.schema_failed("org-1", arm)
        call = replace(self.call(template=arm), run_id=self.run.run_id)
        for number in range(3):
            await settled(self.ledger, 300, call=replace(call, item=f"t{number}"), held_micro=300)
        served = {"provider": "gemini", "model": "m", "saved_micro": 7}
        assert await self.journal.answer(self.request.key, {"text": "made up", "served": served})
        cached = key_of(self.request, "google", self.config.accounts)
        await self.answers.store(cached, {"text": "made up"}, seconds=60)
        breakers = self.breakers()
        breakers.failed("gemini/m", ProviderBusy("busy", retry_after_seconds=30))
        await breakers.aclose()
        await self.place()
        await self.window.workers()

    async def place(self) -> bool:
        """Take the one place that there is in a minute."""
        return await self.window.take(f"{self.config.account('gemini')}:org-1", 1, 60)

    async def arm(self) -> TemplateRef:
        chosen = (await self.prompts.resolve("cs", organization="org-1", company=self.run.company_id))[CODE]
        return chosen.version.ref(chosen.experiment, chosen.arm)

    async def finds(self) -> dict[str, Any]:
        """Everything that a run of this world would find."""
        breakers, known = self.breakers(), await self.journal_knows()
        await breakers.refresh(["gemini/m"])
        experiment = await lifecycle.found(self.editor, PLACE)
        await self.prompts.reload()
        found = await report(self.database, experiment)
        budget = await self.budgets.show("org-1")
        return {
            "ledger": await self.ledger.totals("org-1"),
            "left": await self.ledger.left("org-1"),
            "budget": (budget.spent_micro, budget.held_micro, budget.limit_micro),
            "thresholds": [each.percent for each in await self.budgets.events("org-1", budget.month)],
            "usage": await self.usage.typical("org-1", "Kavárna U Mlýna"),
            "planned": await self.items.planned_count("org-1", self.run.company_id, MONTH, exclude_run="-"),
            "topics": await self.items.earlier_topics(
                replace(self.run, run_id="-"), company_id=self.run.company_id
            ),
            "journal": known,
            "cache": await self.answers.look(key_of(self.request, "google", self.config.accounts))
            not in ("lead", "wait"),
            "pause": breakers.cooldown("gemini/m").seconds > 0,
            "paused": await self.paused(),
            "arms": await lifecycle.assignments(self.editor, experiment),
            "experiment": [arm.means["retries_schema"] for arm in found.arms],
        }

    async def paused(self) -> frozenset[tuple[str, str]]:
        async with self.database.transaction(SYSTEM) as connection:
            return await pauses.in_force(connection, self.world)

    async def journal_knows(self) -> bool:
        async with self.database.transaction(SYSTEM) as connection:
            row = await connection.exec_driver_sql(
                "select 1 from jobs where id = %(id)s", {"id": self.request.key.id}
            )
            return row.first() is not None


@pytest.mark.parametrize("first", World)
async def test_what_one_world_leaves_in_any_store_changes_nothing_that_the_other_finds(
    database: Database, redis_uri: str, owner: Owner, first: World
) -> None:
    shared = SharedRedis(redis_uri, answer_seconds=5)
    lives = {world: Life(world, database, shared, owner) for world in World}
    one, other = lives[first], lives[first.other]
    await one.prompts.sync_shipped()
    await other.prompts.reload()
    shipped = (await one.editor.version(PLACE, 1)).template
    changed = TemplateFile(shipped.front_matter, f"{shipped.body}\nPiš vlídněji.\n")
    await one.editor.save(changed, parent=1, reason="kinder")
    await lifecycle.start(one.editor, PLACE, ExperimentSpec(parse_arms("2:0.9999,1:0.0001")))
    before, mine = await other.finds(), await one.finds()
    await one.leave()
    assert await other.finds() == before
    assert {name for name, value in (await one.finds()).items() if value == mine[name]} == set()
    assert [await each.place() for each in (other, one)] == [True, False]
    assert await other.window.workers() == 1
    await shared.aclose()


_BEFORE = """
insert into organizations (id, tier) values ('o', 'pro');
insert into companies (id, organization_id, name, name_key, website, business_field, product_type, language, time_zone)
values ('c', 'o', 'C', 'c', '', '', '', 'cs', 'UTC');
insert into runs (id, organization_id, company_id, month, tier, request, status, graph_version, sandbox)
values ('played', 'o', 'c', '2026-11', 'pro', '{}', 'done', '3', true),
       ('worked', 'o', 'c', '2026-11', 'pro', '{}', 'done', '3', false);
insert into attempts (id, job_id, organization_id, company_id, run_id, month, kind, provider, model, engine, state,
                      basis, held_micro, cost_micro, price_ids, owner, closed_at, input_tokens)
values ('a1', 'j', 'o', 'c', 'played', '2026-11', 'k','p','m','e','lost', 'worst_case', 900, 900, '{}', 'w', now(), 7),
       ('a2', 'j', 'o', 'c', 'worked', '2026-11', 'k','p','m','e','settled', 'usage', 300, 200, '{}', 'w', now(), 5),
       ('a3', 'j3', 'o', 'c', 'worked', '2026-11', 'k', 'p', 'm', 'e', 'held', null, 40, null, '{}', 'w', null, 0);
insert into adjustments (id, attempt_id, job_id, organization_id, company_id, run_id, month, kind, provider, model,
                         delta_micro, reason, source, booked_at)
values ('d1', 'a1', 'j1', 'o', 'c', 'played', '2026-11', 'k', 'p', 'm', -100, 'bill', 's', now());
insert into budgets (organization_id, month, limit_micro, held_micro, spent_micro, lost_micro, adjusted_micro, calls,
                     input_tokens)
values ('o', '2026-11', 1000, 40, 1000, 900, -100, 2, 12), ('o', '2026-10', 500, 0, 0, 0, 0, 0, 0);
insert into budget_events (organization_id, month, percent, limit_micro, spent_micro)
values ('o', '2026-11', 80, 1000, 900), ('o', '2026-11', 100, 1000, 1000);
"""


def test_an_upgrade_splits_what_was_booked_together_by_its_runs_and_a_downgrade_adds_it_up_again(
    empty_database_uri: str,
) -> None:
    figures = "world, limit_micro, held_micro, spent_micro, lost_micro, adjusted_micro, calls, input_tokens"
    split = f"select {figures} from budgets where month = '2026-11' order by world"
    added = "select held_micro, spent_micro, calls, input_tokens from budgets where month = '2026-11'"
    with create_engine(parse_uri(empty_database_uri)).begin() as connection:
        command.upgrade(migrations(connection), BEFORE)
        connection.exec_driver_sql(_BEFORE.replace("%", "%%"))
        command.upgrade(migrations(connection), "head")
        rows = connection.exec_driver_sql(split).all()
        assert [tuple(row) for row in rows] == [
            ("real", 1000, 40, 200, 0, 0, 1, 5),
            ("sandbox", 1000, 0, 800, 900, -100, 1, 7),
        ]
        worlds = connection.exec_driver_sql("select distinct percent, world from budget_events")
        assert {tuple(row) for row in worlds} == {(80, "sandbox"), (100, "sandbox")}
        command.downgrade(migrations(connection), BEFORE)
        assert [tuple(row) for row in connection.exec_driver_sql(added)] == [(40, 1000, 2, 12)]
