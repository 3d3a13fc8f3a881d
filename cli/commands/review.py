"""``posthub review``: see what waits, and decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import Json, Thread
from cli.screen.decisions import read_decisions, written_at
from cli.screen.month import WAITS, carry, say_problems, show_waiting
from cli.screen.output import print_json
from cli.screen.terminal import Screen, screen
from cli.session import opened, person, read_settings, run_async

if TYPE_CHECKING:
    from app.decisions import WaitingReview


def review(
    thread: Thread,
    decisions: Annotated[
        str | None, typer.Option(metavar="FILE", help="Take the decisions from a JSON file; - reads stdin.")
    ] = None,
    json: Json = False,
) -> int:
    """Decide what waits, and let the run go on.

    On a terminal you are asked about one item after the other. Elsewhere, and with --json, what waits is printed.
    A file may decide a part; the rest is asked again. Types: approve, edit, reject (made again with your reason),
    drop, later. The ids and tokens are those that `posthub review THREAD --json` prints; a decision with a token
    counts only for exactly what was shown, and a file that is older than the question needs tokens.

    Examples:
      posthub review 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a
      posthub review 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a --decisions decisions.json
      echo '{"decisions": [{"id": "t01", "type": "approve"},
                           {"id": "t02", "type": "reject", "reason": "too formal"},
                           {"id": "t03", "type": "edit", "edited": {"title": "..."}}]}' |
        posthub review 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a --decisions -

    Exit status: 0 done, 2 bad decisions (nothing changed), 3 more waits for review.
    """
    shown, settings = screen(json=json), read_settings()
    given = read_decisions(decisions) if decisions is not None else None

    async def work() -> int:
        async with opened(shown, settings) as months:
            waiting = await months.review(thread)
            if given is None and (json or not shown.interactive):
                return _print(shown, waiting)
            if decisions is not None:
                written = written_at(decisions)
                taken = await months.decide(thread, given, by=person(), written_at=written, whole=True)
                say_problems(shown, taken.problems)
            return await carry(shown, months, thread, ask=given is None)

    return run_async(work())


def _print(shown: Screen, waiting: WaitingReview) -> int:
    if shown.json:
        print_json(shown, waiting.as_json())
        return WAITS
    say_problems(shown, waiting.problems)
    for decided in waiting.decided:
        shown.say(f"{decided} It is done with: posthub resume {waiting.thread_id}", "bold")
    show_waiting(shown, waiting)
    way_on = f"posthub review {waiting.thread_id} --decisions FILE (see posthub review --help)"
    shown.say(f"Answer with: {way_on}", "bold")
    return WAITS
