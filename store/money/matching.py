"""Which line of a bill belongs to which attempt of the ledger. Pure: reads nothing, books nothing.

In this order: by the attempt's own id, by the provider's request id, by model, moment and exact amount, and then
by model and moment, where the amount is one that the attempt can mean. A line's moment lies between the opening and
the closing of its attempt. What answered is matched before what was lost. A sum is compared with the
sum of the attempts that no line has named.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from store.money.bill import Bill, BillLine

CLOCKS = timedelta(seconds=5)
"""How far the provider's clock may be from the database's."""
DRIFT_PERCENT = 10
"""By how much a line without an id may differ from what was booked; what differs by more is not explained by it."""


@dataclass(frozen=True, slots=True)
class Booked:
    """An attempt as the ledger has it; ``cost_micro`` with its corrections so far, the hold while it is open."""

    id: str
    organization_id: str
    month: str
    provider: str
    model: str
    state: str
    cost_micro: int
    opened_at: datetime
    closed_at: datetime | None
    request_ids: tuple[str, ...] = ()
    held_micro: int | None = None
    """The most that it can have cost, where that is known."""
    unsure: bool = False
    """Estimated or at worst case, and no bill has said yet what it was."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A line and its attempt; without a line, an attempt that the bill does not have although it is complete."""

    attempt: Booked
    line: BillLine | None

    @property
    def delta_micro(self) -> int:
        """What the ledger has to be corrected by."""
        return (self.line.cost_micro if self.line else 0) - self.attempt.cost_micro


@dataclass(slots=True)
class Matched:
    """What was found.

    Attributes:
        pairs: Closed attempts and what the bill says of them; their differences are to be booked.
        open: Lines of attempts that are still held: they explain a difference and are not booked.
        unknown_lines: Lines that no attempt explains.
        missing: Attempts that the bill does not have and that may have been billed all the same.
        sums: Sums that differ although every attempt of theirs was answered: (line, micro-USD in the ledger).
    """

    pairs: list[Pair] = field(default_factory=list)
    open: list[Pair] = field(default_factory=list)
    unknown_lines: list[BillLine] = field(default_factory=list)
    missing: list[Booked] = field(default_factory=list)
    sums: list[tuple[BillLine, int]] = field(default_factory=list)

    @property
    def explained(self) -> bool:
        return not (self.unknown_lines or self.missing or self.sums)


def match(bill: Bill, attempts: Sequence[Booked], *, month: str | None = None) -> Matched:
    """Match a bill with the ledger.

    Args:
        bill: The bill.
        attempts: The attempts of the months it may cover.
        month: Compare this month alone. A call belongs to the month of its hold, so a line of the first moments
            of the next one may still be its.
    """
    found = _Finder(attempts)
    lines = sorted((line for line in bill.lines if not line.is_sum), key=lambda line: (line.since, line.id))
    rest = found.by_id(lines)
    rest = found.by_moment(rest, exact=True)
    rest = found.by_moment(rest, exact=False)
    sums = [line for line in bill.lines if line.is_sum]
    _compare_sums(found, sums)
    summed = {line.provider for line in sums}
    found.close(bill, [line for line in rest if month is None or line.month == month], summed)
    return found.matched


class _Finder:
    def __init__(self, attempts: Sequence[Booked]) -> None:
        self.matched = Matched()
        self.left = {attempt.id: attempt for attempt in attempts}
        self._requests: defaultdict[str, list[str]] = defaultdict(list)
        self._models: defaultdict[tuple[str, str], deque[Booked]] = defaultdict(deque)
        for attempt in attempts:
            for request in attempt.request_ids:
                self._requests[f"{attempt.provider}\0{request}"].append(attempt.id)
        for attempt in sorted(attempts, key=lambda attempt: (attempt.opened_at, attempt.id)):
            self._models[attempt.provider, attempt.model].append(attempt)

    def take(self, attempt: Booked, line: BillLine | None) -> None:
        del self.left[attempt.id]
        pairs = self.matched.open if attempt.state == "held" else self.matched.pairs
        pairs.append(Pair(attempt, line))

    def by_id(self, lines: Iterable[BillLine]) -> list[BillLine]:
        rest = []
        for line in lines:
            named = [line.attempt_id, *self._requests.get(f"{line.provider}\0{line.request_id}", ())]
            attempt = next((self.left[name] for name in named if name in self.left), None)
            if attempt is None:
                rest.append(line)
            else:
                self.take(attempt, line)
        return rest

    def by_moment(self, lines: Iterable[BillLine], *, exact: bool) -> list[BillLine]:
        rest = []
        for line in lines:
            attempt = self._at(line, exact)
            if attempt is None:
                rest.append(line)
            else:
                self.take(attempt, line)
        return rest

    def _at(self, line: BillLine, exact: bool) -> Booked | None:
        fitting = [each for each in self._candidates(line) if _fits(each, line, exact)]
        return min(fitting, key=lambda each: (each.state != "settled", _distance(each, line)), default=None)

    def _candidates(self, line: BillLine) -> Iterable[Booked]:
        queue = self._models[line.provider, line.model]
        while queue and queue[0].id not in self.left:  # keeps a long bill linear
            queue.popleft()
        for attempt in queue:
            if attempt.opened_at - CLOCKS > line.until:
                return
            if attempt.id in self.left:
                yield attempt

    def close(self, bill: Bill, lines: Iterable[BillLine], summed: set[str]) -> None:
        """Judge what is left: given back is only what a provider's bill lacks that is complete, and shows to be."""
        self.matched.unknown_lines.extend(lines)
        over = [each for each in self.left.values() if _is_over(each, bill) and each.provider not in summed]
        gaps = {attempt.provider for attempt in over if attempt.state == "settled"}
        for attempt in over:
            if (
                attempt.state == "lost"
                and bill.is_complete(attempt.provider)
                and attempt.provider not in gaps
            ):
                self.take(attempt, None)
            else:
                self.matched.missing.append(attempt)


def _is_over(attempt: Booked, bill: Bill) -> bool:
    ended = attempt.closed_at is not None and attempt.closed_at + CLOCKS <= bill.until
    return ended and attempt.state in {"settled", "lost"} and attempt.cost_micro != 0


def _fits(attempt: Booked, line: BillLine, exact: bool) -> bool:
    in_time = attempt.opened_at - CLOCKS <= line.until and (
        attempt.closed_at is None or line.since <= attempt.closed_at + CLOCKS
    )
    if not in_time or attempt.state == "void" or not _pays(line, attempt):
        return False
    if exact:
        return attempt.state == "settled" and attempt.cost_micro == line.cost_micro
    if attempt.state != "settled":
        return line.cost_micro <= attempt.cost_micro
    near = abs(line.cost_micro - attempt.cost_micro) * 100 <= attempt.cost_micro * DRIFT_PERCENT
    return near and (attempt.held_micro is None or line.cost_micro <= attempt.held_micro)


def _pays(line: BillLine, attempt: Booked) -> bool:
    return line.organization_id in {"", attempt.organization_id}


def _distance(attempt: Booked, line: BillLine) -> timedelta:
    return abs((attempt.closed_at or line.until) - line.until)


def _compare_sums(found: _Finder, sums: Sequence[BillLine]) -> None:
    """Let what was lost give way to a sum, the oldest first; a sum that still differs is not explained."""
    for line in sums:
        mine = [
            attempt
            for attempt in found.left.values()
            if (attempt.provider, attempt.month) == (line.provider, line.month) and _pays(line, attempt)
        ]
        closed = [attempt for attempt in mine if attempt.state != "held"]
        over = sum(attempt.cost_micro for attempt in closed) - line.cost_micro
        for attempt in sorted(closed, key=lambda attempt: (attempt.opened_at, attempt.id)):
            found.left.pop(attempt.id)
            if attempt.state == "lost" and over > 0:
                less = min(over, attempt.cost_micro)
                part = attempt.cost_micro - less
                found.matched.pairs.append(Pair(attempt, _part(line, attempt, part)))
                over -= less
        held = sum(attempt.cost_micro for attempt in mine if attempt.state == "held")
        if over > 0 or -over > held:
            found.matched.sums.append((line, line.cost_micro + over))


def _part(line: BillLine, attempt: Booked, micro: int) -> BillLine:
    return BillLine(
        id=f"{line.id}:{attempt.id}",
        provider=line.provider,
        model=attempt.model,
        month=line.month,
        since=line.since,
        until=line.until,
        cost_micro=micro,
    )
