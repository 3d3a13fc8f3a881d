"""``posthub run`` and ``resume``: a month, carried as far as it goes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.places import refuse_foreign_out
from cli.month_options import Asked, month_command
from cli.options import Approve, Json, Thread
from cli.screen.month import begin, carry
from cli.screen.terminal import screen
from cli.session import opened, read_settings, run_async
from domain.errors import InvalidInput


@month_command
def run(asked: Asked) -> int:
    r"""Make a month of content for a company.

    Research, personas, topics, blog posts, social posts, images and video; you approve on the way. Without a
    provider key, stand-in providers answer (the sandbox), so that you can try everything for nothing.

    Examples:
      posthub run --company "Kavárna U Mlýna" --website https://www.kavarna.cz --month 2027-01
      posthub run --company "Kavárna U Mlýna" --website https://www.kavarna.cz --month 2027-01 \
          --posts 4 --platforms instagram,linkedin,twitter --tier ultimate --out ./leden
      posthub run ... --approve auto --json > result.json

    Where nobody can be asked, the run stops at the first review with exit status 3; go on with
    `posthub review THREAD`. Exit status: 0 done, 1 failed, 2 bad input, 3 waits for review.
    """
    shown, settings = screen(json=asked.json), read_settings()
    request = asked.request()

    async def work() -> int:
        async with opened(shown, settings) as months:
            return await begin(shown, months, request, asked)

    return run_async(work())


def resume(
    thread: Thread,
    approve: Annotated[
        Approve, typer.Option(help="ask you in the terminal, or none: stop at a review.")
    ] = Approve.ASK,
    json: Json = False,
) -> int:
    """Let a stopped or failed run go on where it was.

    What was paid for is never bought again. A run that waits for a review asks you here, as `posthub review` does.

    Examples:
      posthub resume 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a
      posthub resume 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a --json
    """
    if approve is Approve.AUTO:
        raise InvalidInput(
            "A run keeps the approval policy that it was started with.",
            next_step="Answer in the terminal (X accepts everything), or with: posthub review THREAD --decisions FILE",
        )
    shown, settings = screen(json=json), read_settings()

    async def work() -> int:
        async with opened(shown, settings) as months:
            record = await months.get(thread)
            if record.out:
                refuse_foreign_out(Path(record.out))
            return await carry(shown, months, thread, ask=approve is Approve.ASK and shown.interactive)

    return run_async(work())
