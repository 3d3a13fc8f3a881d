"""How long a prompt takes: rendering of shipped and of editors' texts, and resolving with many versions.

python -m benchmarks.render
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks import machine
from benchmarks.gateway_call import alone
from benchmarks.surroundings import database
from prompts.actor import Actor
from prompts.editing import Editor
from prompts.files import TemplateFile, shipped
from prompts.registry import Prompts
from store.database import Database

ROUNDS, CALLS, VERSIONS = 3, 100, 1_000
CODE = "BLOGPOST_GEN_V1"
Work = Callable[[], Awaitable[object]]


async def rounds(work: Work) -> dict[str, float]:
    """p50 in ms of a round of calls, after one that warms up."""
    return machine.spread([await alone(work, CALLS) for _ in range(ROUNDS + 1)][1:])


async def each_shipped(prompts: Prompts) -> dict[str, float]:
    """The p50 of every shipped template from a warm registry; the longest is the one that counts."""
    found = []
    for template in shipped():

        async def once(one: TemplateFile = template) -> object:
            return await prompts.render(one.code, one.examples, language=one.language)

        found.append((await rounds(once))["median"])
    return {"longest": max(found), "median": statistics.median(found), "templates": len(found)}


async def many_versions(editor: Editor, before: TemplateFile) -> None:
    for number in range(VERSIONS):
        changed = TemplateFile(before.front_matter, before.body + f"\nVerze {number}.\n")
        async with editor.database.transaction("bench") as connection:
            await editor.save_all(connection, [(changed, 1, "benchmark")])


async def measure(opened: Database) -> dict[str, Any]:
    prompts = Prompts(opened)
    await prompts.sync_shipped()

    def resolve() -> Awaitable[object]:
        return prompts.resolve("cs", organization="bench")

    figures: dict[str, Any] = {"render_shipped_ms": await each_shipped(prompts)}
    editor = Editor(opened, "bench", Actor("bench", "admin", "benchmarks"))
    before = (await editor.version((CODE, "cs"), 1)).template
    few = await rounds(resolve)
    await many_versions(editor, before)
    await editor.label((CODE, "cs"), VERSIONS, "production")
    many = await rounds(resolve)
    async with prompts.watched():
        watched = await rounds(resolve)
    editors = await rounds(lambda: prompts.render(CODE, before.examples, language="cs", organization="bench"))
    return figures | {
        "render_editors_in_a_child_ms": editors,
        "resolve_all_ms_1_version": few,
        f"resolve_all_ms_{VERSIONS}_versions": many,
        "resolve_all_ms_watched": watched,
        "versions_ratio": round(many["median"] / few["median"], 2),
        "bars": {"render_shipped_ms.longest": "<= 1", "versions_ratio": "about 1"},
    }


async def run() -> dict[str, Any]:
    async with database() as opened:
        return await measure(opened)


def main() -> None:
    described = machine.description()
    machine.keep("render", described, asyncio.run(run()))


if __name__ == "__main__":
    main()
