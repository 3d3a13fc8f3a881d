"""Whose a transaction is: an organization's, which sees its own rows alone, or the installation's (ADR 0027).

The policies of the tables (`store.migrations.walls`) read two settings that hold until the transaction ends. Without
either of them a transaction sees nothing but what is shared. No setting outlives its transaction, so that a pooler may
give the connection to somebody else.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from psycopg import sql

from domain.errors import StoreUnavailable


class System(Enum):
    """The type of `SYSTEM`, which no organization's name has."""

    SYSTEM = "system"


SYSTEM: Final = System.SYSTEM
"""Whose housekeeping is: leases, sweeps, reconciling, what is looked up before it is known whose it is; and the three
statements of journal and ledger that write for many organizations at once, whose every row names its own."""
Whose = str | System
"""An organization's id, or `SYSTEM`."""

ROLE = "posthub_app"
"""What a database user becomes that row level security would not bind: a superuser, or one with BYPASSRLS."""
AS_SYSTEM = "select set_config('posthub.system', 'on', true)"
"""Makes the transaction in which it stands the installation's."""
USER = f"""
    select u.rolname as name, u.rolsuper or u.rolbypassrls as bypasses, u.rolsuper or u.rolcreaterole as makes,
           exists (select 1 from pg_roles r where r.rolname = '{ROLE}' and pg_has_role(u.oid, r.oid, 'member')) as may
      from pg_roles u where u.rolname = current_user"""
"""Whether row level security binds the database's user, and whether it may make, and become, `ROLE`."""


def entering(whose: Whose, role: str | None, organization: str | None = None) -> str:
    """Return the statement that makes the transaction somebody's.

    Args:
        whose: Whose it is.
        role: What the user becomes in it; None where row level security binds the user itself.
        organization: What stands for the organization in the statement, such as ``$1``; by default its quoted name.
    """
    if whose is SYSTEM:
        return AS_SYSTEM
    name = organization or sql.quote(whose)
    settings = {"posthub.system": "''", "posthub.organization": name} | (
        {"role": f"'{role}'"} if role else {}
    )
    set_all = (
        f"set_config('{key}', {value}, true) as s{place}"
        for place, (key, value) in enumerate(settings.items())
    )
    return f"select {', '.join(set_all)}"


def role_of(user: str, *, bypasses: bool, may: bool) -> str | None:
    """Return what a database user becomes, from the row of `USER`.

    Raises:
        StoreUnavailable: Row level security would not bind it, and it may not become `ROLE`.
    """
    if bypasses and not may:
        raise no_role(user)
    return ROLE if bypasses else None


def no_role(user: str) -> StoreUnavailable:
    """Build the refusal of a user whom nothing would keep apart from other organizations' rows."""
    return StoreUnavailable(
        f"Row level security does not bind the database user {user}, and it may not become the role {ROLE}. An "
        f"administrator has to run: {role_sql(user)}",
        next_step="Have that run, or use a database user without BYPASSRLS in DATABASE_URI.",
    )


def role_sql(user: str) -> str:
    """Return what an administrator runs where the user may not make `ROLE` itself; it needs no login."""
    name = '"' + user.replace('"', '""') + '"'
    return f"create role {ROLE} nologin; grant {ROLE} to {name};"
