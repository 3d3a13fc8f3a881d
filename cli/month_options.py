"""The options with which a month is asked for, drawn from its request: the same for a run and for a quote."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any

import typer

from app.places import refuse_foreign_out
from cli.options import Approval, Approve, Ceiling, Json, Out, Template
from domain.errors import InvalidInput
from domain.money import parse_usd
from domain.month_request import MonthRequest, parse

_METAVARS = {"company": "NAME", "website": "URL", "month": "MONTH"}
_FIRST = ("company", "website", "month", "posts", "platforms", "tier", "language")
_THEN = ("images", "video", "videos", "business_field", "product_type", "time_zone", "again")


@dataclass(frozen=True)
class Asked:
    """What a month is asked with. ``ceiling_micro``: the most that it may spend, in micro-USD."""

    given: Mapping[str, Any]
    approve: Approve
    out: Path | None
    json: bool
    ceiling_micro: int | None

    def request(self) -> MonthRequest:
        """Return the checked request. Raises as `checked`."""
        return checked(self.given, self.approve, self.out)


def month_command(work: Callable[[Asked], int]) -> Callable[..., int]:
    """Give a command the options of a month."""

    def command(**options: Any) -> int:
        return work(_asked(options))

    command.__name__, command.__doc__ = work.__name__, work.__doc__
    command.__signature__ = Signature(list(_parameters()))  # type: ignore[attr-defined]
    return command


def _parameters() -> Iterator[Parameter]:
    yield from map(_of_field, _FIRST)
    yield _parameter("approve", Approval, Approve.ASK)
    yield _parameter("out", Out, None)
    yield _parameter("json", Json, False)
    yield from map(_of_field, _THEN)
    yield _parameter("template", Template, None)
    yield _parameter("ceiling", Ceiling, None)


def _of_field(name: str) -> Parameter:
    """Draw an option from a field of the request: its type, default and description."""
    field = MonthRequest.model_fields[name]
    kind = field.annotation if field.annotation in (int, bool) else str
    told, default = field.description or "", field.get_default()
    if name == "platforms":
        told, default = f"{told.rstrip('.')}; with commas.", ",".join(default)
    if name == "tier":
        told, default = f"{told.rstrip('.')}; without it the organization's, else {default}.", ""
    flag = name.replace("_", "-")
    names = (f"--{flag}/--no-{flag}",) if default is True else (f"--{flag}",)
    option = typer.Option(*names, metavar=_METAVARS.get(name), help=told, show_default=default != "")
    return _parameter(name, Annotated[kind, option], Parameter.empty if field.is_required() else default)


def _parameter(name: str, annotation: Any, default: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _asked(options: Mapping[str, Any]) -> Asked:
    given = {name: options[name] for name in (*_FIRST, *_THEN)}
    versions = chosen_versions(options["template"] or [])
    ceiling = options["ceiling"]
    return Asked(
        given | {"templates": versions},
        options["approve"],
        options["out"],
        options["json"],
        None if ceiling is None else parse_usd(ceiling, "ceiling"),
    )


def checked(given: Mapping[str, Any], approve: Approve, out: Path | None) -> MonthRequest:
    """Check everything that can be checked before a server is started or money is spent.

    Raises:
        InvalidInput: Something given cannot be used, or the package could not be written.
        LimitExceeded: The tier has less.
    """
    policy = "auto" if approve is Approve.AUTO else "ask"
    request = parse({**given, "approve": policy}, today=datetime.now(UTC))
    if out:
        refuse_foreign_out(out)
    return request


def chosen_versions(pairs: list[str]) -> dict[str, int | str]:
    """Read ``CODE=VERSION`` pairs; a version is a number or a label.

    Raises:
        InvalidInput: One is not written so.
    """
    chosen: dict[str, int | str] = {}
    for pair in pairs:
        code, _, version = pair.partition("=")
        if not code or not version or code in chosen:
            raise InvalidInput(
                f"--template {pair[:80]!r} is not understood.", next_step="Write, say, BLOGPOST_GEN_V1=3."
            )
        chosen[code] = int(version) if version.isdecimal() and len(version) < 10 else version
    return chosen
