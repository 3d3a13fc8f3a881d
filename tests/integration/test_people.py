"""Organizations, members and keys, as the store keeps them and as an operator calls them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from domain.errors import InvalidInput, NotFound
from domain.people.keys import PATTERN
from domain.people.roles import Role
from store.content.tenants import Tenants
from store.database import Database
from store.people.keys import Keys
from store.people.members import MemberRecord, Members
from store.people.organizations import Organizations
from tests.integration.test_cli_store import Cli
from tests.money_rows import rows


@pytest.fixture
async def members(database: Database) -> Members:
    for name in ("acme", "bob"):
        await Organizations(database).create(name, "pro")
    return Members(database)


@pytest.fixture
async def eva(members: Members) -> MemberRecord:
    return await members.add("acme", name="Eva Nová", email="Eva@acme.cz", role=Role.OWNER)


@pytest.fixture
def keys(database: Database) -> Keys:
    return Keys(database)


@pytest.fixture
def cli(tmp_path: Path, database_uri: str, redis_uri: str) -> Cli:
    return Cli(tmp_path / "home", DATABASE_URI=database_uri, REDIS_URI=redis_uri, POSTHUB_ORGANIZATION="acme")


async def test_a_key_proves_organization_person_and_role(eva: MemberRecord, keys: Keys) -> None:
    key = await keys.create(eva, Role.OWNER)
    assert PATTERN.fullmatch(key.text)
    caller = await keys.caller(key.text)
    assert caller is not None
    assert (caller.organization, caller.person, caller.role) == ("acme", "Eva Nová <Eva@acme.cz>", Role.OWNER)
    assert caller.member_id == eva.id


async def test_of_a_key_nothing_is_kept_that_could_be_used(
    eva: MemberRecord, keys: Keys, database: Database
) -> None:
    key = await keys.create(eva, Role.OWNER)
    (kept,) = await rows(database, "select api_keys::text as row from api_keys")
    assert key.text not in kept.row
    assert key.text.rpartition("_")[2] not in kept.row
    assert key.text not in repr(key)


async def test_a_key_that_is_changed_by_one_letter_proves_nothing(eva: MemberRecord, keys: Keys) -> None:
    key = await keys.create(eva, Role.OWNER)
    for wrong in (key.text[:-1], key.text + "A", key.text.swapcase(), "", "ph_"):
        assert await keys.caller(wrong) is None


async def test_a_revoked_key_proves_nothing_and_no_other_organization_can_revoke_it(
    eva: MemberRecord, keys: Keys
) -> None:
    key = await keys.create(eva, Role.EDITOR)
    with pytest.raises(NotFound) as foreign:
        await keys.revoke("bob", key.id)
    with pytest.raises(NotFound) as unknown:
        await keys.revoke("bob", "000000000000")
    assert str(foreign.value).replace(key.id, "") == str(unknown.value).replace("000000000000", "")
    assert await keys.caller(key.text) is not None
    first = await keys.revoke("acme", key.id)
    assert await keys.caller(key.text) is None
    assert (await keys.revoke("acme", key.id)).revoked_at == first.revoked_at


async def test_a_key_may_do_no_more_than_its_member_may_now(
    members: Members, eva: MemberRecord, keys: Keys
) -> None:
    await members.add("acme", name="Jan", email="jan@acme.cz", role=Role.OWNER)
    weak, strong = await keys.create(eva, Role.VIEWER), await keys.create(eva, Role.OWNER)
    await members.set_role("acme", "eva@acme.cz", Role.APPROVER)
    found = [await keys.caller(key.text) for key in (weak, strong)]
    assert [caller.role for caller in found if caller] == [Role.VIEWER, Role.APPROVER]


async def test_who_is_removed_cannot_ask_any_more(members: Members, eva: MemberRecord, keys: Keys) -> None:
    await members.add("acme", name="Jan", email="jan@acme.cz", role=Role.OWNER)
    key = await keys.create(eva, Role.OWNER)
    await members.remove("acme", "EVA@ACME.CZ")
    assert await keys.caller(key.text) is None
    assert await keys.list("acme") == []


async def test_the_last_use_of_a_key_is_kept_to_the_minute(
    eva: MemberRecord, keys: Keys, database: Database
) -> None:
    key = await keys.create(eva, Role.OWNER)
    assert (await keys.list("acme"))[0].last_used_at is None
    await keys.caller(key.text)
    (first,) = await keys.list("acme")
    await keys.caller(key.text)
    assert (await keys.list("acme"))[0].last_used_at == first.last_used_at
    await rows(database, "update api_keys set last_used_at = last_used_at - interval '5 minutes' returning 1")
    await keys.caller(key.text)
    again = (await keys.list("acme"))[0].last_used_at
    assert first.last_used_at and again
    assert again - first.last_used_at < timedelta(minutes=1) and again >= first.last_used_at


async def test_an_address_is_a_member_once(members: Members, eva: MemberRecord) -> None:
    with pytest.raises(InvalidInput, match="already"):
        await members.add("acme", name="Eva", email="EVA@ACME.CZ", role=Role.VIEWER)
    await members.add("bob", name="Eva", email="eva@acme.cz", role=Role.VIEWER)


async def test_the_last_owner_can_neither_leave_nor_be_made_less(members: Members, eva: MemberRecord) -> None:
    with pytest.raises(InvalidInput, match="only owner"):
        await members.remove("acme", eva.email)
    with pytest.raises(InvalidInput, match="only owner"):
        await members.set_role("acme", eva.id, Role.EDITOR)
    assert [one.role for one in await members.list("acme")] == [Role.OWNER]


async def test_of_two_owners_who_leave_at_once_one_stays(members: Members, eva: MemberRecord) -> None:
    await members.add("acme", name="Jan", email="jan@acme.cz", role=Role.OWNER)
    leaving = (members.remove("acme", email) for email in ("eva@acme.cz", "jan@acme.cz"))
    results = await asyncio.gather(*leaving, return_exceptions=True)
    assert sum(isinstance(result, InvalidInput) for result in results) == 1
    assert len(await members.list("acme")) == 1


async def test_a_member_of_another_organization_is_answered_as_an_unknown_one(
    members: Members, eva: MemberRecord
) -> None:
    for change in (members.find, members.remove):
        with pytest.raises(NotFound) as foreign:
            await change("bob", eva.email)
        with pytest.raises(NotFound) as unknown:
            await change("bob", "nobody@acme.cz")
        assert str(foreign.value).replace(eva.email, "nobody@acme.cz") == str(unknown.value)


async def test_an_organization_that_months_made_is_put_on_a_tier_once(database: Database) -> None:
    await Tenants(database).ensure_organization("acme")
    organizations = Organizations(database)
    await organizations.create("acme", "pro")
    with pytest.raises(InvalidInput, match="set-tier"):
        await organizations.create("acme", "ultimate")
    assert [(one.id, one.tier) for one in await organizations.list()] == [("acme", "pro")]


def test_an_operator_makes_an_organization_with_a_member_and_a_key(cli: Cli) -> None:
    assert cli("organizations", "create", "acme", "--tier", "pro").returncode == 0
    assert cli("members", "add", "eva@acme.cz", "--name", "Eva Nová", "--role", "owner").returncode == 0
    made = cli("keys", "create", "eva@acme.cz", "--role", "editor")
    assert PATTERN.fullmatch(made.stdout.strip()), "the key alone is on stdout, to be piped"
    status, listed = cli.json("keys", "list")
    (key,) = listed["keys"]
    assert (status, key["member"], key["role"]) == (0, "eva@acme.cz", "editor")
    assert made.stdout.strip() not in str(listed)
    assert cli("keys", "revoke", key["id"]).returncode == 0
    assert cli.json("keys", "list")[1]["keys"][0]["revoked_at"]
    shown = cli("members", "list")
    assert "Eva Nová" in shown.stdout and "owner" in shown.stdout
    assert "acme" in cli("organizations", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("members", "add", "eva@acme.cz", "--name", "Eva"), "posthub organizations create"),
        (("members", "add", "eva", "--name", "Eva", "--organization", "bob"), "no e-mail address"),
        (("members", "add", "e@b.cz", "--name", "E", "--role", "boss", "--organization", "bob"), "no role"),
        (("members", "add", "e@b.cz", "--name", "<b>", "--organization", "bob"), "cannot be used"),
        (("keys", "create", "eva@acme.cz", "--organization", "bob"), "no member"),
        (("keys", "create", "eva@acme.cz"), "on no tier yet"),
        (("serve", "--host", "0.0.0.0"), "there is no key yet"),
        (("organizations", "set-tier", "nobody", "pro"), "no organization 'nobody'"),
        (("organizations", "create", "x", "--tier", "gold"), "no tier 'gold'"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(cli: Cli, arguments: tuple[str, ...], words: str) -> None:
    cli.here("organizations", "create", "bob", "--tier", "basic")
    done = cli.here(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
