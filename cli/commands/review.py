"""``posthub review``: see what waits, and decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from cli.options import Json, Thread


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
    drop, later. The ids are those that `posthub review THREAD --json` prints.

    Examples:
      posthub review 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a
      posthub review 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a --decisions decisions.json
      echo '{"decisions": [{"id": "t01", "type": "approve"},
                           {"id": "t02", "type": "reject", "reason": "too formal"},
                           {"id": "t03", "type": "edit", "edited": {"title": "..."}}]}' |
        posthub review 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a --decisions -

    Exit status: 0 done, 2 bad decisions (nothing changed), 3 more waits for review.
    """
    from cli.screen.decisions import read_decisions
    from cli.screen.terminal import screen
    from cli.session import opened, read_settings, run_async

    shown, settings = screen(json=json), read_settings()
    given = read_decisions(decisions) if decisions is not None else None

    async def work() -> int:
        async with opened(shown, settings) as (services, months):
            run = await services.runs.get(settings.organization, thread)
            waiting = await months.waiting(thread)
            if waiting is None:
                raise _nothing_waits(thread, run.standing)
            if given is None and (json or not shown.interactive):
                return _print(shown, thread, waiting.point, waiting.request)
            return await _answer(shown, services, months, thread, waiting.request, given)

    return run_async(work())


async def _answer(
    shown: Any, services: Any, months: Any, thread: str, request: Mapping[str, Any], given: Any
) -> int:
    from cli.commands.run import carry
    from cli.screen.decisions import check_decisions

    if given is not None:
        check_decisions(given, request, thread)
    return await carry(shown, services, months, thread, ask=given is None, answer=given)


def _print(shown: Any, thread: str, point: str, request: Mapping[str, Any]) -> int:
    from cli.screen.month import WAITS, show_waiting
    from cli.screen.output import print_json

    if shown.json:
        print_json(shown, request_json(thread, point, request))
        return WAITS
    for problem in request.get("problems", []):
        shown.say(f"Not taken: {problem}", "bold yellow")
    show_waiting(shown, point, request)
    shown.say(f"Answer with: posthub review {thread} --decisions FILE (see posthub review --help)", "bold")
    return WAITS


def request_json(thread: str, point: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """What waits, as plain JSON: for each item its id, what may be decided, its fields and its text."""
    from cli.screen.reviewer import waiting_items

    return {
        "thread_id": thread,
        "status": "waiting",
        "point": point,
        "problems": list(request.get("problems", [])),
        "items": [
            {"id": each.item, "allowed": list(each.allowed), "fields": dict(each.fields), "text": each.text}
            for each in waiting_items(request)
        ],
    }


def _nothing_waits(thread: str, status: str) -> Exception:
    from domain.errors import InvalidInput

    step = (
        f"Let it go on with: posthub resume {thread}" if status != "done" else f"See: posthub show {thread}"
    )
    return InvalidInput(
        f"The run {thread} does not wait for a review; its status is {status}.", next_step=step
    )
