from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import ormsgpack
import psycopg
import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt
from typing_extensions import TypedDict

from domain.errors import StoreUnavailable
from store.checkpoints import PostHubSaver, checkpointer


async def test_the_saver_passes_the_whole_conformance_suite(database_uri: str) -> None:
    @checkpointer_test(name="PostHubSaver")
    async def saver() -> AsyncIterator[PostHubSaver]:
        async with checkpointer(database_uri) as each:
            yield each

    report = await validate(saver)
    assert report.passed_all_base()
    failed = {name: each for name, each in report.results.items() if each.passed is False}
    assert not failed
    assert {"copy_thread", "delete_for_runs"} <= {
        name for name, each in report.results.items() if each.passed
    }


async def test_many_that_set_the_tables_up_at_once_all_succeed(empty_database_uri: str) -> None:
    async def once() -> None:
        async with checkpointer(empty_database_uri) as saver:
            assert [each async for each in saver.alist(None)] == []

    await asyncio.gather(*(once() for _ in range(6)))


async def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1"):
        async with checkpointer("postgresql://u:hunter2@127.0.0.1:1/x"):
            pytest.fail("connected")


class _State(TypedDict, total=False):
    done: Annotated[list[str], lambda left, right: sorted({*left, *right})]
    item: str


def _graph(saver: PostHubSaver) -> Any:
    async def work(state: _State) -> dict[str, Any]:
        return {"done": [state["item"]]}

    async def review(state: _State) -> Command[Any]:
        wanted = interrupt({"done": state.get("done", [])})
        return Command(goto=[Send("work", {"item": item}) for item in wanted] or END)

    graph = StateGraph(_State)
    graph.add_node("work", work)
    graph.add_node("review", review, destinations=("work", END))
    graph.add_edge(START, "review")
    graph.add_edge("work", "review")
    return graph.compile(checkpointer=saver)


async def test_a_copied_thread_goes_on_where_the_first_one_stood(database_uri: str) -> None:
    async with checkpointer(database_uri) as saver:
        graph = _graph(saver)
        first: Any = {"configurable": {"thread_id": "a"}}
        await graph.ainvoke({"done": []}, first, durability="sync")
        await graph.ainvoke(Command(resume=["x", "y"]), first, durability="sync")
        await saver.acopy_thread("a", "b")
        second: Any = {"configurable": {"thread_id": "b"}}
        await graph.ainvoke(Command(resume=["z"]), second, durability="sync")
        assert (await graph.aget_state(first)).values["done"] == ["x", "y"]
        assert (await graph.aget_state(second)).values["done"] == ["x", "y", "z"]


async def test_deleting_one_run_leaves_the_values_of_the_others(database_uri: str) -> None:
    async with checkpointer(database_uri) as saver:
        config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
        for run in ("keep", "drop"):
            checkpoint = empty_checkpoint()
            checkpoint["channel_values"] = {"items": [run]}
            checkpoint["channel_versions"] = {"items": run}
            config = await saver.aput(config, checkpoint, {"run_id": run}, {"items": run})
            await saver.aput_writes(config, [("items", [run])], "task")
        await saver.adelete_for_runs(["drop"])
        left = [each async for each in saver.alist({"configurable": {"thread_id": "t"}})]
        assert [each.checkpoint["channel_values"] for each in left] == [{"items": ["keep"]}]
        assert [write[2] for write in left[0].pending_writes or []] == [["keep"]]


def _of_run(thread: str, run: str) -> Any:
    return {"configurable": {"thread_id": thread, "run_id": run}}


async def _asked(graph: Any, thread: str) -> list[Any]:
    state = await graph.aget_state(_of_run(thread, "reader"))
    return [each.value for task in state.tasks for each in task.interrupts]


async def test_a_rollback_of_an_answer_asks_again_and_the_next_answer_is_the_one_that_counts(
    database_uri: str,
) -> None:
    async with checkpointer(database_uri) as saver:
        graph = _graph(saver)
        await graph.ainvoke({"done": []}, _of_run("t", "first"), durability="sync")
        await graph.ainvoke(Command(resume=["x"]), _of_run("t", "second"), durability="sync")
        assert await _asked(graph, "t") == [{"done": ["x"]}]
        await saver.adelete_for_runs(["second"])
        assert await _asked(graph, "t") == [{"done": []}]
        await graph.ainvoke(Command(resume=["y"]), _of_run("t", "third"), durability="sync")
        assert (await graph.aget_state(_of_run("t", "reader"))).values["done"] == ["y"]


async def test_a_rollback_takes_back_an_answer_that_had_got_no_further_than_its_node(
    database_uri: str,
) -> None:
    async with checkpointer(database_uri) as saver:
        graph = _graph(saver)
        await graph.ainvoke({"done": []}, _of_run("t", "first"), durability="sync")
        waits = await saver.aget_tuple(_of_run("t", "reader"))
        assert waits is not None
        asking = (await graph.aget_state(_of_run("t", "reader"))).tasks[0].id
        of_second: Any = {"configurable": {**waits.config["configurable"], "run_id": "second"}}
        await saver.aput_writes(of_second, [("__resume__", ["x"])], asking)
        await saver.aput_writes(of_second, [("branch:to:work", None)], asking)
        await saver.adelete_for_runs(["second"])
        assert await _asked(graph, "t") == [{"done": []}]
        left = await saver.aget_tuple(_of_run("t", "reader"))
        assert left is not None
        assert left.pending_writes == waits.pending_writes


async def test_an_answer_at_a_checkpoint_that_was_answered_before_is_the_one_that_counts_on_its_branch(
    database_uri: str,
) -> None:
    async with checkpointer(database_uri) as saver:
        graph = _graph(saver)
        await graph.ainvoke({"done": []}, _of_run("t", "first"), durability="sync")
        asked = (await graph.aget_state(_of_run("t", "reader"))).config["configurable"]["checkpoint_id"]
        await graph.ainvoke(Command(resume=["x"]), _of_run("t", "second"), durability="sync")
        there = _of_run("t", "third")
        there["configurable"]["checkpoint_id"] = asked
        await graph.ainvoke(Command(resume=["y"]), there, durability="sync")
        assert await _asked(graph, "t") == [{"done": ["y"]}]


async def test_a_rollback_leaves_the_copy_that_was_made_of_its_thread(database_uri: str) -> None:
    async with checkpointer(database_uri) as saver:
        graph = _graph(saver)
        await graph.ainvoke({"done": []}, _of_run("t", "first"), durability="sync")
        await graph.ainvoke(Command(resume=["x"]), _of_run("t", "second"), durability="sync")
        await saver.acopy_thread("t", "copy")
        await saver.adelete_for_runs(["second"])
        assert await _asked(graph, "copy") == [{"done": ["x"]}]


async def test_nothing_is_left_of_a_thread_that_is_deleted(database_uri: str) -> None:
    async with checkpointer(database_uri) as saver:
        await _graph(saver).ainvoke({"done": []}, _of_run("t", "first"), durability="sync")
        await saver.adelete_thread("t")
    tables = ("checkpoints", "checkpoint_blobs", "checkpoint_writes", "checkpoint_writers")
    with psycopg.connect(database_uri) as connection:
        for table in tables:
            assert connection.execute(f"select count(*) from {table}").fetchone() == (0,)


KILLED = """
import asyncio, os, signal, sys
from typing_extensions import TypedDict
from langgraph.graph import START, StateGraph
from store.checkpoints import checkpointer
class State(TypedDict, total=False):
    first: str
    second: str
async def first(state): return {"first": "kept"}
async def second(state):
    if sys.argv[2] == "die": os.kill(os.getpid(), signal.SIGKILL)
    return {"second": "after " + state["first"]}
async def main():
    graph = StateGraph(State)
    graph.add_sequence([first, second])
    graph.add_edge(START, "first")
    async with checkpointer(sys.argv[1]) as saver:
        given = {} if sys.argv[2] == "die" else None
        config = {"configurable": {"thread_id": "t"}}
        print(await graph.compile(checkpointer=saver).ainvoke(given, config, durability="sync"))
asyncio.run(main())
"""


def test_what_was_reached_before_a_kill_is_there_afterwards(database_uri: str) -> None:
    command = [sys.executable, "-c", KILLED, database_uri]
    assert subprocess.run([*command, "die"], check=False, capture_output=True).returncode == -9
    done = subprocess.run([*command, "live"], check=True, capture_output=True, text=True)
    assert "'second': 'after kept'" in done.stdout


READ = """
import asyncio, sys
from store.checkpoints import checkpointer
async def main():
    async with checkpointer(sys.argv[1]) as saver:
        found = await saver.aget_tuple({"configurable": {"thread_id": "t"}})
        print("values", found.checkpoint["channel_values"], found.pending_writes)
asyncio.run(main())
"""


async def _with_a_row_that_names_a_command(uri: str, table: str, marker: Path) -> None:
    async with checkpointer(uri) as saver:
        checkpoint = empty_checkpoint()
        checkpoint["channel_values"] = {"items": ["kept"]}
        checkpoint["channel_versions"] = {"items": "1"}
        config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
        config = await saver.aput(config, checkpoint, {}, {"items": "1"})
        await saver.aput_writes(config, [("items", ["kept"])], "task")
    blob = ormsgpack.packb(ormsgpack.Ext(0, ormsgpack.packb(("os", "system", f"touch {marker}"))))
    with psycopg.connect(uri) as connection:
        changed = connection.execute(f"update {table} set blob = %s", [blob])
        assert changed.rowcount


@pytest.mark.parametrize("table", ["checkpoint_blobs", "checkpoint_writes"])
async def test_what_a_row_names_is_never_run_in_an_environment_without_any_setting(
    database_uri: str, tmp_path: Path, table: str
) -> None:
    await _with_a_row_that_names_a_command(database_uri, table, tmp_path / "run")
    environment = {"PATH": os.defpath, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    read = subprocess.run(
        [sys.executable, "-c", READ, database_uri],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "values" in read.stdout, read.stderr
    assert not (tmp_path / "run").exists()


async def test_json_that_names_a_type_is_not_read_from_a_checkpoint(database_uri: str) -> None:
    async with checkpointer(database_uri) as saver:
        with pytest.raises(NotImplementedError):
            saver.serde.loads_typed(("json", b'{"lc": 2, "type": "constructor", "id": ["os", "system"]}'))
