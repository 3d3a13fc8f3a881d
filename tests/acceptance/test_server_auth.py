"""Two organizations on one LangGraph server: who asks, decides and pays is what a key has proved."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from langgraph_sdk import get_client

from domain.people.roles import Role
from store.content.file_links import FileLinks
from store.content.files import FileStore
from store.database import Database
from store.folders import kept_secret
from store.people.keys import Keys
from store.people.members import Members
from store.people.organizations import Organizations
from store.reading import upgrade
from tests.acceptance.test_langgraph_server import Server, serving, waiting
from tests.conftest import fresh_database

PEOPLE = {
    "eva": ("acme", Role.OWNER),
    "jan": ("acme", Role.EDITOR),
    "ada": ("acme", Role.APPROVER),
    "vera": ("acme", Role.VIEWER),
    "bob": ("bob", Role.OWNER),
}
AUTO = {"dna": "auto", "personas": "auto", "topics": "ask", "posts": "ask", "packages": "ask"}
LIES: dict[str, Any] = {"organization": "bob", "tier": "basic", "approve": AUTO}
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@dataclass
class Team:
    """The server, everybody's key, and a month of acme that waits at its topics."""

    server: Server
    uri: str
    keys: dict[str, str]
    month: dict[str, Any]
    before: dict[str, int]
    home: Path
    thread: str = ""

    def client(self, name: str) -> Any:
        return get_client(url=self.server.url, api_key=self.keys[name])

    def ask(self, name: str, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        given = {"x-api-key": self.keys[name]} if name else {}
        return httpx.request(
            method,
            self.server.url + path,
            json=body,
            headers={**given, **headers},
            timeout=httpx.Timeout(120),
        )

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.uri) as connection:
            return connection.execute(query, values).fetchall()


async def _staff(uri: str) -> dict[str, str]:
    database = Database(uri)
    organizations, members, keys = Organizations(database), Members(database), Keys(database)
    await organizations.create("acme", "ultimate")
    await organizations.create("bob", "basic")
    made = {}
    for name, (organization, role) in PEOPLE.items():
        email = f"{name}@{organization}.cz"
        member = await members.add(organization, name=name.capitalize(), email=email, role=role)
        made[name] = (await keys.create(member, role)).text
    await database.dispose()
    return made


def _before_the_first_key(url: str) -> dict[str, int]:
    """How the server answers as long as nobody has a key."""
    page = {"origin": "https://evil.example"}
    asked: dict[str, dict[str, str]] = {
        "a program of this machine": {},
        "a page of another origin": page,
        "a page of another origin, without asking first": {**page, "content-type": "text/plain"},
        "a name that leads here": {"host": "evil.example"},
        "what a proxy passes on": {"x-forwarded-for": "203.0.113.9"},
        "a page of the server itself": {"origin": url},
    }
    return {
        name: httpx.post(f"{url}/threads", content="{}", headers=headers, timeout=60).status_code
        for name, headers in asked.items()
    }


@pytest.fixture(scope="module")
def team(
    tmp_path_factory: pytest.TempPathFactory, postgres_uri: str, _valkey_uri: str, sandbox_server: Any
) -> Iterator[Team]:
    folder: Path = tmp_path_factory.mktemp("team")
    name, site = next(iter(sandbox_server.sites.items()))
    month = {"company": name, "website": site, "month": "2027-01", "posts": 2, "platforms": ["linkedin"]}
    for uri in fresh_database(postgres_uri, "template1"):
        asyncio.run(upgrade(uri))
        with serving(folder, uri, _valkey_uri, sandbox_server) as server:
            before = _before_the_first_key(server.url)
            team = Team(server, uri, asyncio.run(_staff(uri)), month, before, folder / "home")
            team.thread = asyncio.run(_to_topics(team))
            yield team


async def _to_topics(team: Team) -> str:
    client = team.client("jan")
    thread: str = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, "month", input=team.month, context=LIES, durability="sync")
    return thread


def test_without_a_key_only_programs_of_this_machine_may_ask(team: Team) -> None:
    local = {"a program of this machine", "a page of the server itself"}
    assert {name for name, status in team.before.items() if status == 200} == local
    assert {status for name, status in team.before.items() if name not in local} == {401}


@pytest.mark.parametrize("path", ["/internal/debug/thread/" + UNKNOWN, "/deploy", "/deploy/x/stream"])
def test_what_the_development_server_shows_to_everybody_is_shown_to_nobody_with_a_key(
    team: Team, path: str
) -> None:
    assert (team.ask("eva", "GET", path).status_code, team.ask("", "GET", path).status_code) == (404, 401)


@pytest.mark.parametrize("path", ["/threads/search", "/docs", "/openapi.json", "/metrics", "/info"])
def test_from_the_first_key_on_nothing_is_said_to_who_has_none(team: Team, path: str) -> None:
    method = "POST" if path == "/threads/search" else "GET"
    for wrong in ("", "ph_0123456789ab_" + "x" * 43, "lsv2_pt_0123"):
        answer = team.ask("", method, path, {} if method == "POST" else None, **{"x-api-key": wrong})
        assert (answer.status_code, "posthub keys create" in answer.text) == (401, True)
    assert team.ask("vera", method, path, {} if method == "POST" else None).status_code == 200
    assert httpx.get(f"{team.server.url}/ok").status_code == 200


def test_studios_header_opens_nothing(team: Team) -> None:
    answer = team.ask("", "POST", "/threads/search", {}, **{"x-auth-scheme": "langsmith"})
    assert answer.status_code == 401


async def test_organization_and_tier_are_the_keys_whatever_the_context_says(team: Team) -> None:
    assert team.rows("select organization_id, tier from runs where id = %s", team.thread) == [
        ("acme", "ultimate")
    ]
    assert {row[0] for row in team.rows("select distinct organization_id from attempts")} == {"acme"}
    values = (await team.client("ada").threads.get_state(team.thread))["values"]
    assert values["organization_id"] == "acme", "a colleague sees the thread"


ROLES: dict[str, tuple[str, str, Any, Role]] = {
    "read a thread": ("GET", "/threads/{thread}/state", None, Role.VIEWER),
    "search threads": ("POST", "/threads/search", {}, Role.VIEWER),
    "read the store": ("POST", "/store/items/search", {"namespace_prefix": ["a"]}, Role.VIEWER),
    "answer with more than an answer": (
        "POST",
        "/threads/{thread}/runs/wait",
        {"assistant_id": "month", "command": {"resume": {"decisions": []}, "goto": "handover"}},
        Role.EDITOR,
    ),
    "make a thread": ("POST", "/threads", {"metadata": {}}, Role.EDITOR),
    "name a thread": ("PATCH", "/threads/{own}", {"metadata": {"note": "a"}}, Role.EDITOR),
    "change a state": ("POST", "/threads/{own}/state", {"values": None, "as_node": "__copy__"}, Role.EDITOR),
    "delete a thread": ("DELETE", "/threads/" + UNKNOWN, None, Role.EDITOR),
    "make an assistant": ("POST", "/assistants", {"graph_id": "month"}, Role.EDITOR),
    "write to the store": ("PUT", "/store/items", {"namespace": ["a"], "key": "k", "value": {}}, Role.EDITOR),
    "make a cron": (
        "POST",
        "/runs/crons",
        {"assistant_id": "month", "schedule": "0 0 1 1 *", "input": {}},
        Role.EDITOR,
    ),
}


@pytest.mark.parametrize("what", ROLES)
@pytest.mark.parametrize("name", ["eva", "jan", "ada", "vera"])
def test_a_role_may_what_it_may_and_is_told_who_can_help(team: Team, name: str, what: str) -> None:
    method, path, body, needed = ROLES[what]
    own = team.ask("jan", "POST", "/threads", {}).json()["thread_id"]
    given = body
    if what == "answer with more than an answer" and PEOPLE[name][1].may(needed):
        pytest.skip("it would be carried out")
    answer = team.ask(name, method, path.format(thread=team.thread, own=own), given)
    if PEOPLE[name][1].may(needed):
        assert answer.status_code != 403, answer.text
    else:
        assert (answer.status_code, f"needs the role {needed}" in answer.text) == (403, True)


def test_who_may_only_read_answers_no_review(team: Team) -> None:
    answer = {"assistant_id": "month", "command": {"resume": {"type": "approve"}}}
    refused = team.ask("vera", "POST", f"/threads/{team.thread}/runs/wait", answer)
    assert (refused.status_code, "needs the role approver" in refused.text) == (403, True)


def _routes(team: Team) -> list[tuple[str, str]]:
    """Every path and verb of the server that names a thread, a run, an assistant or a cron."""
    paths = team.ask("eva", "GET", "/openapi.json").json()["paths"]
    return sorted(
        (path, verb)
        for path, verbs in paths.items()
        for verb in verbs
        if "{" in path and verb in {"get", "post", "put", "patch", "delete"}
    )


_BODY: dict[str, Any] = {
    "assistant_id": "month",
    "command": {"resume": {"type": "approve"}},
    "values": {"company": "Stolen"},
    "metadata": {"organization": "bob"},
    "checkpoint": {"checkpoint_ns": ""},
    "schedule": "0 0 1 1 *",
    "version": 1,
    "states": [],
    "limit": 10,
}


def _answer(team: Team, path: str, verb: str, ids: dict[str, str]) -> tuple[int, str]:
    filled = re.sub(r"{(\w+)}", lambda name: ids.get(name[1], "x"), path)
    body = None if verb in {"get", "delete"} else _BODY
    with httpx.Client(timeout=httpx.Timeout(60, read=5)) as client:
        try:
            answer = client.request(
                verb, team.server.url + filled, json=body, headers={"x-api-key": team.keys["bob"]}
            )
        except httpx.ReadTimeout:
            return 0, "streams"
    text = answer.text
    for value in ids.values():
        text = text.replace(value, "ID")
    return answer.status_code, re.sub(r'"(created_at|updated_at)":"[^"]*"', "", text)


def test_every_route_and_verb_answers_a_foreign_id_as_an_unknown_one(team: Team) -> None:
    made = {
        "assistant_id": team.ask("jan", "POST", "/assistants", {"graph_id": "month"}).json()["assistant_id"],
        "cron_id": team.ask(
            "jan", "POST", "/runs/crons", {"assistant_id": "month", "schedule": "0 0 1 1 *", "input": {}}
        ).json()["cron_id"],
        "run_id": team.ask("jan", "GET", f"/threads/{team.thread}/runs").json()[0]["run_id"],
        "thread_id": team.thread,
        "checkpoint_id": team.ask("jan", "GET", f"/threads/{team.thread}/state").json()["checkpoint"][
            "checkpoint_id"
        ],
    }
    unknown = {name: str(uuid.uuid4()) for name in made}
    before = team.ask("jan", "GET", f"/threads/{team.thread}").json()
    routes = _routes(team)
    assert len(routes) > 25
    different = {
        f"{verb} {path}": (foreign, other)
        for path, verb in routes
        if (foreign := _answer(team, path, verb, made)) != (other := _answer(team, path, verb, unknown))
    }
    assert different == {}
    after = team.ask("jan", "GET", f"/threads/{team.thread}").json()
    assert (after["status"], after["values"]) == (before["status"], before["values"])
    assert team.ask("jan", "GET", f"/assistants/{made['assistant_id']}").status_code == 200
    assert [cron["cron_id"] for cron in team.ask("jan", "POST", "/runs/crons/search", {}).json()].count(
        made["cron_id"]
    ) == 1


@pytest.mark.parametrize(
    "path", ["/threads/search", "/assistants/search", "/runs/crons/search", "/threads/count"]
)
def test_a_search_finds_nothing_of_another_organization(team: Team, path: str) -> None:
    team.ask("jan", "POST", "/assistants", {"graph_id": "month", "metadata": {"created_by": "system"}})
    found = team.ask("bob", "POST", path, {"metadata": {"organization": "acme"}})
    assert found.text in {"[]", "0"}
    everything = team.ask("bob", "POST", path, {})
    assert "acme" not in everything.text and team.thread not in everything.text


def test_a_thread_that_a_month_has_elsewhere_is_taken(team: Team) -> None:
    """After a restart the development server has forgotten threads, and months of the command line it never knew."""
    run_id = str(uuid.uuid4())
    with psycopg.connect(team.uri) as connection:
        connection.execute(
            "insert into runs (id, organization_id, company_id, month, tier, request, status, graph_version)"
            " select %s, organization_id, company_id, month, tier, request, status, graph_version from runs"
            " where id = %s",
            [run_id, team.thread],
        )
    for exists in ("raise", "do_nothing"):
        taken = team.ask("bob", "POST", "/threads", {"thread_id": run_id, "if_exists": exists})
        assert (taken.status_code, "already exists" in taken.text) == (409, True)
    started = {"assistant_id": "month", "input": team.month, "if_not_exists": "create"}
    assert team.ask("bob", "POST", f"/threads/{run_id}/runs/wait", started).status_code == 404
    own = team.ask("ada", "GET", f"/threads/{run_id}/state")
    assert own.status_code == 404
    assert team.ask("jan", "POST", "/threads", {"thread_id": run_id}).status_code == 200


def test_a_signed_address_shows_its_file_without_a_key_and_nothing_that_could_run(team: Team) -> None:
    links = FileLinks(kept_secret(team.home / "file-links.key"), team.server.url)
    key = asyncio.run(FileStore(str(team.home / "files")).put(b"0123456789", "image/png"))
    with psycopg.connect(team.uri) as connection:
        connection.execute(
            "insert into assets (id, organization_id, company_id, run_id, item, revision, edition, status, content,"
            " content_hash, author) select 'a', organization_id, company_id, id, 'x', 0, 0, 'draft',"
            " jsonb_build_object('key', %s::text), '', 'model' from runs where id = %s",
            [key, team.thread],
        )
    address = links.address("acme", key, datetime.now(UTC))
    part = httpx.get(address, headers={"range": "bytes=2-4", "origin": "https://inbox.example"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    whole = httpx.get(address)
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (
        200,
        b"0123456789",
        "image/png",
    )
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in whole.headers["content-security-policy"]
    assert whole.headers["content-disposition"].startswith("inline; filename=")
    assert httpx.head(address).headers["content-length"] == "10"
    assert httpx.get(address, headers={"range": "bytes=10-"}).status_code == 416
    assert httpx.get(links.address("bob", key, datetime.now(UTC))).status_code == 404
    assert httpx.get(address[:-1]).status_code == 404
    for path in ("/files/../threads/search", "/files/%2e%2e/info", "/files/", "/files/a/b"):
        assert httpx.get(team.server.url + path).status_code in {401, 404}


def test_the_store_keeps_organizations_apart(team: Team) -> None:
    item = {"namespace": ["plans"], "key": "2027", "value": {"secret": "acme"}}
    assert team.ask("jan", "PUT", "/store/items", item).status_code == 204
    assert team.ask("ada", "GET", "/store/items?namespace=plans&key=2027").json()["value"]["secret"] == "acme"
    (whole,) = team.ask("jan", "POST", "/store/namespaces", {}).json()["namespaces"][:1]
    for namespace in ("plans", ".".join(whole)):
        assert team.ask("bob", "GET", f"/store/items?namespace={namespace}&key=2027").json() is None
    for prefix in (["plans"], whole):
        assert (
            team.ask("bob", "POST", "/store/items/search", {"namespace_prefix": prefix}).json()["items"] == []
        )
    listed = team.ask("bob", "POST", "/store/namespaces", {}).json()["namespaces"]
    assert whole[0] not in {namespace[0] for namespace in listed}
    team.ask("bob", "DELETE", "/store/items", {"namespace": whole, "key": "2027"})
    assert team.ask("ada", "GET", "/store/items?namespace=plans&key=2027").json() is not None


@pytest.mark.parametrize("context", [None, {"organization": "acme", "approve": AUTO}])
async def test_a_state_that_says_another_organization_buys_and_shows_nothing(
    team: Team, context: Any
) -> None:
    theirs: Any = (await team.client("jan").threads.get_state(team.thread))["values"]
    bob = team.client("bob")
    thread = (await bob.threads.create(graph_id="month"))["thread_id"]
    await bob.threads.update_state(thread, dict(theirs), as_node="plan_topics")
    bought = team.rows("select count(*) from attempts")
    with pytest.raises(Exception, match=r"no (such )?run|no month|was deleted"):
        await bob.runs.wait(thread, "month", input=None, context=context, durability="sync")
    assert team.rows("select 1 from runs where id = %s and organization_id = 'acme'", thread) == []
    assert team.rows("select count(*) from attempts") == bought
    state = await bob.threads.get_state(thread)
    assert [i for task in state["tasks"] for i in task["interrupts"]] == []


async def test_a_decision_is_the_persons_whose_key_it_was_whatever_the_request_says(team: Team) -> None:
    ada = team.client("ada")
    asked = waiting(await ada.threads.get_state(team.thread))
    assert asked["point"] == "topics"
    await ada.runs.wait(
        team.thread,
        "month",
        command={"resume": {"decisions": [{"type": "approve"}, {"type": "later"}]}},
        config={"configurable": {"reviewer": "CEO <ceo@acme.cz>"}},
        durability="sync",
    )
    decided = team.rows(
        "select distinct decided_by from decisions where run_id = %s and not policy", team.thread
    )
    assert decided == [("Ada <ada@acme.cz>",)]


def test_a_revoked_key_opens_nothing_from_then_on(team: Team) -> None:
    async def change() -> str:
        database = Database(team.uri)
        eva = await Members(database).find("acme", "eva@acme.cz")
        key = await Keys(database).create(eva, Role.OWNER)
        team.keys["again"] = key.text
        seen = team.ask("again", "GET", "/info").status_code
        await Keys(database).revoke("acme", key.id)
        await database.dispose()
        return f"{seen} {team.ask('again', 'GET', '/info').status_code}"

    assert asyncio.run(change()) == "200 401"
