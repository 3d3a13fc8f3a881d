"""How long a prompt takes: rendering of shipped and of editors' texts, and resolving with many versions.

    .venv/bin/python benchmarks/render.py

Needs nothing: PostgreSQL is started in a temporary folder. Prints figures; asserts none.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from prompts.actor import Actor
from prompts.editing import Editor
from prompts.files import TemplateFile, shipped
from prompts.registry import Prompts
from store.database import Database, upgrade
from store.embedded import EmbeddedServers

TIMES = 300
VERSIONS = 1_000
CODE = "BLOGPOST_GEN_V1"


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


async def timed(work: Callable[[], Awaitable[object]], times: int = TIMES) -> tuple[float, float]:
    """Return p50 and p95 in milliseconds; the first calls warm up."""
    for _ in range(5):
        await work()
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        await work()
        taken.append((time.perf_counter() - begin) * 1000)
    return statistics.median(taken), statistics.quantiles(taken, n=20)[-1]


async def render_all(prompts: Prompts) -> float:
    """Render every shipped template from a warm registry; returns the p50 of the longest in use."""
    longest = 0.0
    for template in shipped():

        async def once(one: TemplateFile = template) -> object:
            return await prompts.render(one.code, one.examples, language=one.language)

        half, most = await timed(once)
        longest = max(longest, half)
        say(f"render shipped {template.code:<20}{template.language}  p50 {half:6.3f} ms  p95 {most:6.3f} ms")
    return longest


async def resolve(prompts: Prompts, label: str) -> float:
    half, most = await timed(lambda: prompts.resolve("cs", organization="bench"), 100)
    say(f"resolve all templates, {label:<24}p50 {half:6.3f} ms  p95 {most:6.3f} ms")
    return half


async def many_versions(editor: Editor, before: TemplateFile) -> None:
    for number in range(VERSIONS):
        changed = TemplateFile(before.front_matter, before.body + f"\nVerze {number}.\n")
        async with editor.database.transaction() as connection:
            await editor.save_all(connection, [(changed, 1, "benchmark")])


async def measure(uri: str) -> None:
    await upgrade(uri)
    database = Database(uri)
    prompts = Prompts(database)
    await prompts.sync_shipped()
    longest = await render_all(prompts)
    editor = Editor(database, "bench", Actor("bench", "admin", "benchmarks"))
    before = (await editor.version((CODE, "cs"), 1)).template
    few = await resolve(prompts, "1 version")
    begin = time.perf_counter()
    await many_versions(editor, before)
    say(f"saved {VERSIONS} versions in {time.perf_counter() - begin:.1f} s")
    await editor.label((CODE, "cs"), VERSIONS, "production")
    many = await resolve(prompts, f"{VERSIONS} versions")
    say(f"ratio of {VERSIONS} versions to 1: {many / few:.2f}")
    async with prompts.watched():
        watched = await resolve(prompts, f"{VERSIONS} versions, watched")
    half, most = await timed(
        lambda: prompts.render(CODE, before.examples, language="cs", organization="bench")
    )
    say(f"render an editor's {CODE} in its child   p50 {half:6.3f} ms  p95 {most:6.3f} ms")
    say(f"longest shipped render p50 {longest:.3f} ms; warm resolve {watched:.3f} ms")
    await database.dispose()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ph-") as folder:
        servers = EmbeddedServers(Path(folder) / "home", need_database=True, need_redis=False)
        try:
            asyncio.run(measure(servers.start().database_uri))
        finally:
            servers.stop()


if __name__ == "__main__":
    main()
