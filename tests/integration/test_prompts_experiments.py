from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from domain.calls import Call, JobKind, TemplateRef, Usage
from domain.errors import InvalidInput, NotAllowed, NotFound
from domain.review import DecisionType
from gateway.calls.judge import judge_text
from gateway.calls.request import CallRequest
from prompts.actor import Actor
from prompts.editing import Editor
from prompts.experiments import lifecycle as experiments
from prompts.experiments.lifecycle import ExperimentSpec, parse_arms
from prompts.experiments.pauses import PauseRule
from prompts.experiments.report import report
from prompts.files import TemplateFile
from prompts.registry import Prompts
from store.content.decisions import Decided, Decisions, DecisionState
from store.content.items import Items, Kind, Owner
from store.database import Database
from store.money.journal import JobKey, Journal, StoredAnswer
from store.money.ledger import Hold, Ledger
from store.prompts.experiments import Experiment
from store.tenancy import SYSTEM

CODE = "BLOGPOST_GEN_V1"
PLACE = (CODE, "cs")
EVA = Actor("eva@agentura.cz", "admin", "tests")
HALF = ExperimentSpec(parse_arms("1:0.5,2:0.5"), minimum=4)


@pytest.fixture
async def prompts(database: Database) -> Prompts:
    made = Prompts(database)
    await made.sync_shipped()
    return made


@pytest.fixture
async def editor(database: Database, prompts: Prompts) -> Editor:
    made = Editor(database, "org-1", EVA)
    await add(made, "Piš vlídněji.")
    return made


async def add(editor: Editor, words: str, parent: int = 1) -> int:
    before = (await editor.version(PLACE, parent)).template
    changed = TemplateFile(before.front_matter, before.body.rstrip() + f"\n{words}\n")
    return (await editor.save(changed, parent=parent, reason=words)).number


async def chosen(prompts: Prompts, company: str) -> tuple[int, str, str | None]:
    one = (await prompts.resolve("cs", organization="org-1", company=company))[CODE]
    return one.version.number, one.because, one.arm


class Month:
    """What a run leaves behind, as far as an experiment looks at it."""

    def __init__(self, database: Database, owner: Owner, experiment: Experiment) -> None:
        self.database, self.owner, self.experiment = database, owner, experiment
        self.ledger = Ledger(database, default_limit_micro=10**9)
        self.journal = Journal(database, owner=self.ledger.owner)

    def ref(self, arm: str) -> TemplateRef:
        found = self.experiment.arm(arm)
        assert found is not None
        return TemplateRef(CODE, found.version, "hash", "cs", self.experiment.id, arm)

    async def call(self, arm: str, item: str, step: str = "draft", *, cost: int = 1000) -> None:
        call = Call(
            *(self.owner.organization_id, self.owner.company_id, self.owner.run_id, "ultimate"),
            JobKind.GENERATE_BLOGPOST,
            "write_post",
            item,
            step=step,
            template=self.ref(arm),
        )
        key = JobKey(call, "writing", f"{item}/{step}", {})
        await self.journal.claim(key, lease_seconds=60)
        attempt = f"{self.owner.run_id}/{item}/{step}"
        hold = Hold(attempt, key.id, call, "gemini", "m", "litellm", cost, ())
        await self.ledger.hold(hold)
        answer = StoredAnswer(key.id, {"text": "x"}, 10)
        await self.ledger.settle(hold, cost_micro=cost, basis="usage", usage=Usage(), answer=answer)

    async def post(self, arm: str, item: str, *decided: DecisionType, policy: bool = False) -> None:
        """Make a post of an arm and let it be decided; each rejection makes it again."""
        items, decisions = Items(self.database), Decisions(self.database)
        await self.call(arm, item)
        revision = 0
        for number, decision in enumerate(decided):
            content = {"title": "jedna dvě tři čtyři", "slug": item, "wordCount": 4, "n": number}
            made = await items.save(self.owner, Kind.POST, item, revision, content, template=self.ref(arm))
            if decision == "edit":
                edited = {**content, "title": "jedna dvě tři pět"}
                made = await items.edit(self.owner, Kind.POST, item, made.version, edited, author="eva")
            row = Decided(
                "posts", item, revision, made.edition, decision, made.content_hash, "eva", policy=policy
            )
            await decisions.record(self.owner, [replace(row, state=DecisionState.ACCEPTED)])
            revision += decision == "reject"


async def test_companies_get_one_arm_each_and_keep_it(editor: Editor, prompts: Prompts) -> None:
    await experiments.start(editor, PLACE, HALF)
    first = {f"company-{number}": await chosen(prompts, f"company-{number}") for number in range(12)}
    assert {one[0] for one in first.values()} == {1, 2}
    assert {one[1] for one in first.values()} == {"experiment"}
    again = Prompts(editor.database)
    assert {company: await chosen(again, company) for company in first} == first
    running = await experiments.found(editor, PLACE)
    assert await experiments.assignments(editor, running) == {
        company: one[2] for company, one in first.items()
    }


async def test_looking_assigns_nobody(editor: Editor, prompts: Prompts) -> None:
    made = await experiments.start(editor, PLACE, HALF)
    seen = await prompts.resolve("cs", organization="org-1", company="c", record=False)
    assert await experiments.assignments(editor, made) == {}
    assert (await prompts.resolve("cs", organization="org-1", company="c"))[CODE] == seen[CODE]


async def test_companies_with_a_version_of_their_own_and_other_organizations_take_no_part(
    editor: Editor, prompts: Prompts
) -> None:
    made = await experiments.start(editor, PLACE, HALF)
    await editor.label(PLACE, 2, "production", company_id="mine")
    assert await chosen(prompts, "mine") == (2, "company", None)
    other = await prompts.resolve("cs", organization="org-2", company="c")
    assert other[CODE].because == "shipped"
    asked = await prompts.resolve("cs", organization="org-1", company="c", wanted={CODE: 1})
    assert (asked[CODE].because, asked[CODE].arm) == ("asked", None)
    assert await experiments.assignments(editor, made) == {}


async def test_an_experiment_has_a_start_and_an_end(editor: Editor, prompts: Prompts) -> None:
    now = datetime.now(UTC)
    await experiments.start(editor, PLACE, replace(HALF, starts_at=now + timedelta(days=1)))
    assert (await chosen(prompts, "c"))[1] == "shipped"
    await experiments.stop(editor, PLACE)
    await experiments.start(
        editor, PLACE, replace(HALF, starts_at=now - timedelta(2), ends_at=now - timedelta(1))
    )
    assert (await chosen(prompts, "c"))[1] == "shipped"
    with pytest.raises(InvalidInput, match="ends before it starts"):
        await experiments.start(editor, PLACE, replace(HALF, ends_at=now - timedelta(days=1)))


async def test_two_experiments_on_one_template_are_refused(editor: Editor) -> None:
    await experiments.start(editor, PLACE, HALF)
    with pytest.raises(InvalidInput, match="already"):
        await experiments.start(editor, PLACE, HALF)
    assert len(await experiments.all_of(editor)) == 1


async def test_an_arm_that_does_not_exist_starts_nothing(editor: Editor) -> None:
    with pytest.raises(NotFound, match="no version 9"):
        await experiments.start(editor, PLACE, ExperimentSpec(parse_arms("1:0.5,9:0.5")))
    with pytest.raises(InvalidInput, match="No experiment runs"):
        await experiments.stop(editor, PLACE)
    assert await experiments.all_of(editor) == []


async def test_an_editor_alone_can_neither_start_nor_stop_nor_promote(editor: Editor) -> None:
    helper = replace(editor, actor=replace(EVA, role="editor"))
    for refused in (
        experiments.start(helper, PLACE, HALF),
        experiments.stop(helper, PLACE),
        experiments.promote(helper, PLACE),
    ):
        with pytest.raises(NotAllowed):
            await refused


async def test_outcomes_come_from_decisions_editions_the_journal_and_the_ledger(
    editor: Editor, database: Database, owner: Owner
) -> None:
    made = await experiments.start(editor, PLACE, HALF)
    month = Month(database, owner, made)
    await month.post("A", "t01", "approve")
    await month.post("A", "t02", "edit")
    await month.post("A", "t03", "reject", "approve")
    await month.post("A", "t04", "drop")
    await month.post("B", "t05", "approve")
    await month.post("B", "t06", "reject")
    await month.post("B", "t07", "approve", policy=True)
    await month.call("A", "t02", "draft/again", cost=500)
    await month.call("A", "t02", "revise-1", cost=250)
    first, second = (await report(database, made)).arms
    assert first.results == {"at_once": 1, "after_edits": 1, "after_rejection": 1, "dropped": 1, "failed": 0}
    assert second.results["at_once"] == second.decided == 1, (
        "sent back is not decided; a policy decides nothing"
    )
    means = {name: found.value for name, found in first.means.items() if found}
    assert means["edit_distance"] == pytest.approx(0.2 / 3)
    assert means["cost_micro"] == (1000 + 1750 + 1000 + 1000) / 4
    assert (means["retries_schema"], means["retries_rules"], means["tokens"]) == (0.25, 0.25, 15)
    assert (first.companies, second.companies) == (1, 1)


async def test_a_verdict_waits_for_the_minimum_and_says_how_many_are_missing(
    editor: Editor, database: Database, owner: Owner
) -> None:
    made = await experiments.start(editor, PLACE, HALF)
    month = Month(database, owner, made)
    for number in range(3):
        await month.post("A", f"t0{number}", "approve")
    seen = await report(database, made)
    assert (seen.winner, seen.verdict) == (None, "Not enough yet: 5 more decisions.")
    with pytest.raises(InvalidInput, match="no winner"):
        await experiments.promote(editor, PLACE)


async def test_the_winner_is_promoted_by_a_person_and_can_be_rolled_back(
    editor: Editor, prompts: Prompts, database: Database, owner: Owner
) -> None:
    made = await experiments.start(editor, PLACE, replace(HALF, minimum=8))
    month = Month(database, owner, made)
    for number in range(8):
        await month.post("A", f"t1{number}", "edit")
        await month.post("B", f"t2{number}", "approve")
    seen = await report(database, made)
    assert seen.winner == "B"
    assert "B (version 2) is better" in seen.verdict
    assert "Take it with care" in seen.verdict, "one company alone may be what differs"
    arm, _ = await experiments.promote(editor, PLACE)
    assert arm.version == 2
    assert await chosen(prompts, "any") == (2, "organization", None)
    assert (await experiments.found(editor, PLACE)).status == "promoted"
    events = [(event.event, event.version) for event in await editor.trail(*PLACE)][-2:]
    assert events == [("promoted", 2), ("experiment ended by promotion", None)]
    assert (await editor.trail(*PLACE))[-1].details["verdict"] == seen.verdict
    assert await editor.rollback(PLACE) is None
    assert (await chosen(prompts, "any"))[0] == 1


async def test_without_a_winner_an_arm_is_promoted_only_with_a_reason(
    editor: Editor, prompts: Prompts
) -> None:
    await experiments.start(editor, PLACE, HALF)
    with pytest.raises(InvalidInput, match="no reason"):
        await experiments.promote(editor, PLACE, arm="B")
    with pytest.raises(InvalidInput, match="no arm 'C'"):
        await experiments.promote(editor, PLACE, arm="C", reason="x")
    arm, _ = await experiments.promote(editor, PLACE, arm="2", reason="chceme ten tón")
    assert arm.name == "B"


async def test_thompson_sends_more_companies_to_what_is_approved(
    editor: Editor, prompts: Prompts, database: Database, owner: Owner
) -> None:
    made = await experiments.start(editor, PLACE, replace(HALF, allocation="thompson"))
    month = Month(database, owner, made)
    for number in range(10):
        await month.post("A", f"t1{number}", "edit")
        await month.post("B", f"t2{number}", "approve")
    got = [(await chosen(prompts, f"company-{number}"))[2] for number in range(20)]
    assert got.count("B") > 15


async def test_a_version_that_fails_its_schema_too_often_is_paused_and_its_parent_stands_in(
    editor: Editor, database: Database, owner: Owner
) -> None:
    prompts = Prompts(database, pause_rule=PauseRule(share=0.3, calls=4))
    made = await experiments.start(editor, PLACE, HALF)
    month = Month(database, owner, made)
    pinned = (await prompts.resolve("cs", organization="org-1", wanted={CODE: 2}))[CODE].pin()
    for number in range(4):
        await month.call("B", f"t{number}")
        if number < 2:
            await month.call("B", f"t{number}", "draft/again")
        await prompts.schema_failed("org-1", month.ref("B"))
    assert [(e.event, e.version) for e in await editor.trail(*PLACE)].count(("paused", 2)) == 1
    for number in range(12):
        one = (await prompts.resolve("cs", organization="org-1", company=f"c-{number}"))[CODE]
        assert one.version.number == 1
        assert one.paused in ((), (2,))
        assert (one.arm == "A") is (one.paused == ()), "who stands in for an arm is no part of it"
    variables = (await editor.version(PLACE, 2)).template.examples
    started = await prompts.render(CODE, variables, language="cs", organization="org-1", pins={CODE: pinned})
    assert started.ref.version == 2, "runs that have started go on with what they started with"
    await editor.label(PLACE, 2, "production")
    assert (await prompts.resolve("cs", organization="org-1"))[CODE].version.number == 2
    await prompts.schema_failed("org-1", month.ref("B"))
    assert (await prompts.resolve("cs", organization="org-1"))[CODE].version.number == 2, (
        "a person's label ends the pause, and what was before does not count"
    )


async def test_a_version_without_a_parent_is_never_paused(
    editor: Editor, database: Database, owner: Owner
) -> None:
    prompts = Prompts(database, pause_rule=PauseRule(share=0.0, calls=1))
    month = Month(database, owner, await experiments.start(editor, PLACE, HALF))
    await month.call("A", "t1")
    await month.call("A", "t1", "draft/again")
    await prompts.schema_failed("org-1", month.ref("A"))
    assert (await prompts.resolve("cs", organization="org-1"))[CODE].paused == ()


async def test_jobs_ledger_rows_and_artefacts_name_template_version_language_and_arm(
    editor: Editor, database: Database, owner: Owner
) -> None:
    made = await experiments.start(editor, PLACE, HALF)
    await Month(database, owner, made).post("B", "t01", "edit")
    expected = (CODE, 2, "cs", made.id, "B")
    async with database.transaction(SYSTEM) as connection:
        for table in ("jobs", "attempts", "blog_posts"):
            query = text(
                f"select distinct template_code, template_version, template_language, experiment, arm from {table}"
            )
            assert [tuple(row) for row in await connection.execute(query)] == [expected], table


def test_why_a_version_was_chosen_is_no_part_of_a_jobs_key() -> None:
    def key(template: TemplateRef) -> str:
        call = Call("o", "c", "r", "pro", JobKind.GENERATE_BLOGPOST, "n", "i", template=template)
        return CallRequest(call, "writing", {"prompt": "x"}, (), judge_text, seconds=1.0).key.id

    plain = TemplateRef(CODE, 2, "hash", "cs")
    assert key(plain) == key(TemplateRef(CODE, 2, "hash", "cs", "experiment", "B"))
    assert key(plain) != key(TemplateRef(CODE, 3, "hash", "cs"))
