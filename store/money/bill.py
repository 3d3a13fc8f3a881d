"""A provider's bill: one JSON object a line, as the sandbox writes it.

    {"id": …, "at": "2026-11-22T10:00:00.000+00:00", "provider": "gemini", "model": "gemini-3.8-flash",
     "cost_micro_usd": 1234, "request_id": …, "client_request_id": …}

``provider``, ``cost_micro_usd`` and ``at`` or ``month`` are needed. A line without ``model`` and without any id
is a sum: of a provider in a month, and of one organization where it names ``organization_id``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from domain.errors import InvalidInput
from domain.ids import content_hash
from domain.money import parse_month

_SHAPE = (
    "Each line is a JSON object with provider, cost_micro_usd (a whole number of micro-USD, 0 or more) and "
    "at (ISO 8601) or month (YYYY-MM)."
)
MAX_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class BillLine:
    """One charge, or a sum of them. ``since`` and ``until`` bound the moment of the charge."""

    id: str
    provider: str
    model: str
    month: str
    since: datetime
    until: datetime
    cost_micro: int
    request_id: str = ""
    attempt_id: str = ""
    organization_id: str = ""

    @property
    def is_sum(self) -> bool:
        return not (self.model or self.request_id or self.attempt_id)


@dataclass(frozen=True, slots=True)
class Bill:
    """What a provider charged. ``until`` is the moment up to which it is looked at.

    ``complete`` where somebody said that it has every charge up to then, of the providers that it mentions;
    ``whole`` where it is of all providers there are.
    """

    name: str
    lines: tuple[BillLine, ...]
    until: datetime
    complete: bool = True
    whole: bool = False

    def is_complete(self, provider: str) -> bool:
        """Whether what it does not have of a provider was not billed."""
        return self.whole or (self.complete and any(line.provider == provider for line in self.lines))


def read_bill(path: Path, *, until: datetime | None = None, whole: bool = False) -> Bill:
    """Read a bill.

    Args:
        path: A file of JSON lines.
        until: Up to when it is complete; where nobody said so it is looked at up to its last line.
        whole: Whether it is of every provider.

    Raises:
        InvalidInput: It cannot be read, or a line is of another shape; names the line and the field.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidInput(f"The bill {path} is larger than {MAX_BYTES} bytes.", next_step=_SHAPE)
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise InvalidInput(f"The bill {path} cannot be read: {why}.", next_step="Check the path.") from error
    lines = tuple(parse_lines(text.splitlines()))
    latest = max((line.until for line in lines), default=datetime.min.replace(tzinfo=UTC))
    return Bill(path.name, lines, until or latest, until is not None, whole)


def parse_lines(lines: Iterable[str]) -> Iterable[BillLine]:
    """Read lines of JSON, without the empty ones.

    Raises:
        InvalidInput: As `read_bill`.
    """
    seen: set[str] = set()
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            raw = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _wrong(number, "line", "is no JSON") from error
        if not isinstance(raw, dict):
            raise _wrong(number, "line", "is no JSON object")
        line = _line(number, raw)
        if line.id in seen:
            raise _wrong(number, "id", f"{line.id[:60]!r} occurs twice")
        seen.add(line.id)
        yield line


def _line(number: int, raw: Mapping[str, Any]) -> BillLine:
    since, until = _moment(number, raw)
    return BillLine(
        id=_text(number, raw, "id") or f"line-{number}-{content_hash(dict(raw))[:16]}",
        provider=_text(number, raw, "provider", needed=True),
        model=_text(number, raw, "model"),
        month=f"{since:%Y-%m}",
        since=since,
        until=until,
        cost_micro=_cost(number, raw),
        request_id=_text(number, raw, "request_id"),
        attempt_id=_text(number, raw, "client_request_id"),
        organization_id=_text(number, raw, "organization_id"),
    )


def _text(number: int, raw: Mapping[str, Any], name: str, *, needed: bool = False) -> str:
    value = raw.get(name) or ""
    if not isinstance(value, str) or len(value) > 4000 or (needed and not value):
        raise _wrong(number, name, "is missing" if needed and not value else "is no text")
    return value


def _cost(number: int, raw: Mapping[str, Any]) -> int:
    value = raw.get("cost_micro_usd")
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise _wrong(number, "cost_micro_usd", f"is {str(value)[:40]!r}")
    return value


def _moment(number: int, raw: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """Return the bounds of the moment; a month or a day alone is a span."""
    if "at" not in raw:
        return _month(number, raw)
    try:
        at = datetime.fromisoformat(str(raw["at"]))
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _wrong(number, "at", f"is {str(raw['at'])[:40]!r}") from error
    whole_day = len(str(raw["at"])) == len("2026-11-22")
    return at, at + timedelta(days=1) if whole_day else at


def _month(number: int, raw: Mapping[str, Any]) -> tuple[datetime, datetime]:
    try:
        first = datetime.fromisoformat(f"{parse_month(str(raw.get('month', '')))}-01T00:00:00+00:00")
    except InvalidInput as error:
        raise _wrong(number, "month", f"is {str(raw.get('month'))[:40]!r}, and there is no at") from error
    return first, (first + timedelta(days=32)).replace(day=1)


def _wrong(number: int, field: str, what: str) -> InvalidInput:
    return InvalidInput(
        f"Line {number} of the bill: {field} {what}.", next_step=_SHAPE, line=number, field=field
    )
