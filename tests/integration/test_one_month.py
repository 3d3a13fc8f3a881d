"""A company has each month once, however often and from wherever it is started."""

from __future__ import annotations

import asyncio
import uuid
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from domain.errors import InvalidInput
from domain.month_request import parse
from nodes.intake import open_run
from store.content.branches import Branches
from store.content.items import Items, Owner
from store.content.reviews import Outcome, Reviews
from store.content.run_record import RunRecord, RunStatus
from store.content.runs import Runs
from store.content.tenants import Tenants
from store.database import Database

TODAY = date(2026, 11, 25)


class Desk:
    """Opens runs of one company's months, on a database of its own."""

    def __init__(self, database: Database) -> None:
        self.runs, self.reviews, self.branches = Runs(database), Reviews(database), Branches(database)
        self.ports: Any = SimpleNamespace(tenants=Tenants(database), items=Items(database), runs=self.runs)

    async def open(
        self, run_id: str = "", *, organization: str = "acme", sandbox: bool = True, **changes: Any
    ) -> RunRecord:
        asked = {"company": "Pražírna Lípa", "website": "https://lipa.cz", "month": "2027-01", **changes}
        request = parse({**asked, "tier": "ultimate"}, today=TODAY)
        return await open_run(self.ports, request, organization, run_id or str(uuid.uuid4()), sandbox=sandbox)

    async def made_something(self, run: RunRecord) -> None:
        whose = Owner(run.organization_id, run.company_id, run.id)
        await self.reviews.record_outcome(whose, Outcome("dna", "dna", 0, "done"))


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


@pytest.mark.parametrize("status", [each for each in RunStatus if each != RunStatus.FAILED])
async def test_a_second_run_of_a_month_is_refused_with_the_id_of_the_first_and_what_to_do(
    desk: Desk, status: RunStatus
) -> None:
    first = await desk.open()
    await desk.runs.set_status(first.organization_id, first.id, status)
    with pytest.raises(InvalidInput, match=first.id) as refused:
        await desk.open()
    assert refused.value.details["run_id"] == first.id
    assert f"{first.id}." in refused.value.next_step
    assert "--again" in refused.value.next_step
    assert [run.id for run in await desk.runs.list("acme")] == [first.id]


async def test_of_runs_that_start_at_the_same_moment_one_makes_the_month(desk: Desk) -> None:
    opened = await asyncio.gather(*(desk.open() for _ in range(8)), return_exceptions=True)
    made = [each for each in opened if isinstance(each, RunRecord)]
    assert len(made) == 1
    assert all(made[0].id in str(each) for each in opened if not isinstance(each, RunRecord))
    assert [run.id for run in await desk.runs.list("acme")] == [made[0].id]


@pytest.mark.parametrize(
    "changes",
    [{"again": True}, {"month": "2027-02"}, {"company": "Jiná"}, {"organization": "b"}, {"sandbox": False}],
    ids=str,
)
async def test_another_month_company_organization_or_world_and_the_same_month_again_are_runs_of_their_own(
    desk: Desk, changes: Any
) -> None:
    first = await desk.open()
    assert (await desk.open(**changes)).id != first.id


async def test_a_run_that_was_deleted_or_failed_before_anything_was_made_leaves_the_month_free(
    desk: Desk,
) -> None:
    failed = await desk.open()
    await desk.runs.set_status(failed.organization_id, failed.id, RunStatus.FAILED)
    second = await desk.open()
    await desk.made_something(second)
    await desk.runs.set_status(second.organization_id, second.id, RunStatus.FAILED)
    with pytest.raises(InvalidInput, match=second.id):
        await desk.open()
    await desk.branches.delete("acme", second.id)
    assert await desk.open()


async def test_a_run_that_is_opened_stays_opened_when_the_month_was_made_once_more(desk: Desk) -> None:
    first = await desk.open()
    await desk.open(again=True)
    assert (await desk.open(first.id)).id == first.id
