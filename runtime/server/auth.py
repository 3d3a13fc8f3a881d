"""What ``langgraph.json`` names as ``auth``: who asks, and what they may do with whose threads.

Colleagues of one organization see each other's; everything of another organization is answered as unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph_sdk import Auth

from domain.errors import InvalidInput, NotAllowed
from domain.ids import stable_id
from domain.people.member import Caller
from domain.people.roles import Role, need
from nodes.intake import RunContext
from runtime.server.app import callers
from runtime.server.opened import services
from runtime.server.wall import CALLER, WHO
from store.people.members import Members

MINE = "organization"
"""Key of the metadata that says whose a thread, an assistant or a cron is."""
_LOCAL = {"identity": "local", MINE: "", "person": "", "permissions": []}
_READS = frozenset({"read", "search", "get", "list_namespaces"})

auth = Auth()


@auth.authenticate
async def who_asks(scope: dict[str, Any]) -> Any:
    """Say who asks, as the wall has found out."""
    known = await callers()
    if CALLER not in scope and not await known.is_open_to(scope):
        scope = {**scope, CALLER: await known.of(scope) or _refused()}
    caller: Caller | None = scope.get(CALLER)
    if caller is None:
        return _LOCAL
    return _user(caller)


@auth.on
async def nothing_else(ctx: Any, value: Any) -> bool:
    """What is not named below is allowed to nobody who needs a key."""
    return await _caller(ctx) is None


@auth.on.threads
async def threads(ctx: Any, value: Any) -> Any:
    """Threads and their runs: an answer needs an approver, everything else that changes an editor."""
    caller = await _caller(ctx)
    if ctx.action == "create_run":
        _check_context(value["kwargs"])
        user = _user(caller) if caller else _LOCAL  # of a cron's run the server knows a name alone
        value["kwargs"]["config"]["configurable"]["langgraph_auth_user"] = user
    if caller is None:
        return None
    if ctx.action == "create_run":
        _need(caller, Role.APPROVER if _is_answer(value) else Role.EDITOR, "Starting or changing a month")
    else:
        _need_for(ctx.action, caller, "Changing a thread")
    await _refuse_foreign_run(ctx.action, caller, value.get("thread_id"))
    return _stamped(ctx.action, value, caller)


@auth.on.assistants
async def assistants(ctx: Any, value: Any) -> Any:
    """Assistants: an organization's own, and to read those of the server."""
    caller = await _caller(ctx)
    _check_context(value)
    if caller is None:
        return None
    _need_for(ctx.action, caller, "Changing an assistant")
    mine = _stamped(ctx.action, value, caller)
    if ctx.action in _READS:
        return {"$or": [mine, {"created_by": "system"}]}
    if value.get("metadata"):
        value["metadata"].pop("created_by", None)
    return mine


@auth.on.crons
async def crons(ctx: Any, value: Any) -> Any:
    """Crons: an editor makes them; they run as long as that person is a member."""
    caller = await _caller(ctx)
    _check_context(value.get("payload"))
    if caller is None:
        return None
    _need_for(ctx.action, caller, "Changing a cron")
    return _stamped(ctx.action, value, caller)


@auth.on.store
async def store(ctx: Any, value: Any) -> None:
    """The store: each organization has a namespace of its own, before the one that is asked for."""
    caller = await _caller(ctx)
    if caller is None:
        return
    _need_for(ctx.action, caller, "Changing the store")
    whose = stable_id("store", caller.organization)  # an organization's name may have what a label may not
    asked = tuple(value.get("namespace") or ())
    value["namespace"] = asked if asked[:1] == (whose,) else (whose, *asked)


async def _caller(ctx: Any) -> Caller | None:
    """Return who acts; None where no key is needed. A cron's run says only who made it."""
    organization = ctx.user.get(MINE) if hasattr(ctx.user, "get") else None
    if organization == "":
        return None
    if ctx.user.identity == _LOCAL["identity"] and await (await callers()).are_all_local():
        return None
    if organization:
        its = {name: ctx.user[name] for name in ("identity", "person", "permissions")}
        return Caller(organization, its["identity"], its["person"], Role(its["permissions"][0]))
    member = await Members((await services()).database).caller(ctx.user.identity)
    return member or _refused()


def _user(caller: Caller) -> dict[str, Any]:
    return {
        "identity": caller.member_id,
        "display_name": caller.person,
        MINE: caller.organization,
        "person": caller.person,
        "permissions": [caller.role.value],
    }


def _refused() -> Any:
    raise Auth.exceptions.HTTPException(status_code=401, detail=WHO)


def _need_for(action: str, caller: Caller, what: str) -> None:
    _need(caller, Role.VIEWER if action in _READS else Role.EDITOR, what)


def _need(caller: Caller, role: Role, what: str) -> None:
    try:
        need(caller.role, role, what)
    except NotAllowed as error:
        raise Auth.exceptions.HTTPException(status_code=403, detail=str(error)) from error


def _check_context(given: Mapping[str, Any] | None) -> None:
    """Refuse what no month could be run with when it is given, whoever gives it, not when it is run."""
    given = given or {}
    context = given.get("context") or (given.get("config") or {}).get("configurable")
    try:
        RunContext.read(context)
    except InvalidInput as error:
        raise Auth.exceptions.HTTPException(status_code=422, detail=str(error)) from error


def _is_answer(value: Mapping[str, Any]) -> bool:
    """Whether a run does nothing but answer what waits on its thread now."""
    kwargs = value.get("kwargs") or {}
    command = {name for name, given in (kwargs.get("command") or {}).items() if given is not None}
    configurable = (kwargs.get("config") or {}).get("configurable") or {}
    plain = not kwargs.get("webhook") and not configurable.get("checkpoint_id")
    return plain and kwargs.get("input") is None and command == {"resume"}


def _stamped(action: str, value: dict[str, Any], caller: Caller) -> dict[str, str]:
    """Note whose it is where something is made or changed; return the filter of what may be touched."""
    mine = {MINE: caller.organization}
    if action in {"create", "create_run"}:
        value["metadata"] = _into(value.get("metadata"), mine)
    elif action not in _READS and value.get("metadata"):
        _into(value["metadata"], mine)
    return mine


def _into(metadata: dict[str, Any] | None, mine: Mapping[str, str]) -> dict[str, Any]:
    """Write into the very object that the server goes on with."""
    if metadata is None:
        return dict(mine)
    metadata.update(mine)
    return metadata


async def _refuse_foreign_run(action: str, caller: Caller, thread_id: Any) -> None:
    """A month that was started elsewhere has a thread id of which this server may know nothing yet."""
    if action not in {"create", "create_run"} or thread_id is None:
        return
    if await (await services()).runs.whose(str(thread_id)) in {None, caller.organization}:
        return
    if action == "create":
        words = f"Thread with ID {thread_id} already exists"
        raise Auth.exceptions.HTTPException(status_code=409, detail=words)
    raise Auth.exceptions.HTTPException(status_code=404, detail="Thread or assistant not found.")
