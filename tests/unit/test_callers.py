"""From where a request comes, and which key it brings."""

from __future__ import annotations

from typing import Any

import pytest

from domain.errors import NotAllowed
from domain.people.roles import Role, lesser, need
from nodes.acting import Acting, acting, person
from runtime.server.callers import is_local, key_in

STUDIO = "https://smith.langchain.com"


def scope(client: str | None = "127.0.0.1", **headers: str) -> dict[str, Any]:
    given = {"host": "127.0.0.1:2024", **headers}
    return {
        "client": (client, 5) if client else None,
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()],
    }


@pytest.mark.parametrize(
    "asked",
    [
        scope(),
        scope("::1", host="[::1]:2024"),
        scope("::ffff:127.0.0.1", host="localhost:2024"),
        scope(origin="http://127.0.0.1:2024"),
        scope(origin=STUDIO),
    ],
)
def test_a_program_of_this_machine_is_local_and_so_is_a_page_that_may_ask(asked: dict[str, Any]) -> None:
    assert is_local(asked, (STUDIO,))


@pytest.mark.parametrize(
    "asked",
    [
        scope("10.0.0.7"),
        scope(None),
        scope(host="evil.example"),
        scope(host="127.0.0.1.evil.example"),
        scope(host="localhost.evil.example:2024"),
        scope(host=""),
        scope(host="[::1"),
        scope(origin="https://evil.example"),
        scope(origin="null"),
        scope(origin="http://127.0.0.1:3000"),
        scope(origin="http://127.0.0.1:2024.evil.example"),
        scope(x_forwarded_for="10.0.0.7"),
        scope(forwarded="for=10.0.0.7"),
    ],
)
def test_whoever_else_reaches_the_server_is_not_local(asked: dict[str, Any]) -> None:
    assert not is_local(asked, (STUDIO,))


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({}, ""),
        ({"x_api_key": " ph_a "}, "ph_a"),
        ({"authorization": "Bearer ph_b"}, "ph_b"),
        ({"authorization": "bearer ph_b", "x_api_key": "ph_a"}, "ph_a"),
        ({"authorization": "Basic ph_c"}, ""),
    ],
)
def test_a_key_is_read_where_clients_send_it(headers: dict[str, str], key: str) -> None:
    assert key_in(scope(**headers)) == key


def config(user: Any = None, **known: Any) -> Any:
    return {"configurable": {"langgraph_auth_user": user, **known}}


class Seen:
    """A user as servers keep one that is no mapping."""

    organization, person = "acme", "Eva <eva@acme.cz>"


@pytest.mark.parametrize("user", [{"organization": "acme", "person": "Eva <eva@acme.cz>"}, Seen()])
def test_who_acts_is_read_of_a_user_in_every_form_that_servers_keep(user: Any) -> None:
    assert acting(config(user)) == Acting("acme", "Eva <eva@acme.cz>")
    assert person(config(user, reviewer="CEO")) == "Eva <eva@acme.cz>"


def test_where_nobody_has_to_prove_it_who_decides_is_what_the_request_says() -> None:
    for user in (None, {"identity": "local", "organization": "", "person": ""}):
        assert person(config(user, reviewer="eva")) == "eva"
        assert person(config(user)) == "api"


def test_a_user_of_another_auth_than_ours_acts_for_nobody() -> None:
    with pytest.raises(NotAllowed, match="for which organization"):
        acting(config({"identity": "somebody"}))


def test_a_role_has_what_those_before_it_have() -> None:
    assert [role.may(Role.EDITOR) for role in Role] == [False, False, True, True]
    assert lesser(Role.OWNER, Role.APPROVER) is Role.APPROVER
    with pytest.raises(NotAllowed, match="needs the role editor; this key has the role viewer"):
        need(Role.VIEWER, Role.EDITOR, "Starting a month")
