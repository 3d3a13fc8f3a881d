"""The month on the LangGraph server: forms for Studio, the three shapes of answers, progress, and a kill -9."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from langgraph_sdk import get_client

from prompts.actor import Actor
from prompts.editing import Editor
from prompts.files import TemplateFile
from store.database import Database

ROOT = Path(__file__).resolve().parents[2]


_DEV = (
    str(Path(sys.executable).with_name("langgraph")),
    *("dev", "--no-browser", "--no-reload", "--n-jobs-per-worker", "4", "--config", "langgraph.json"),
)


class Server:
    """A `langgraph dev` process in a folder of its own."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self.url = ""
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        log = (self._folder / "server.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [*_DEV, "--port", str(port)],
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait()

    def kill(self) -> None:
        """Kill it, and drop what the development server kept of its queue.

        It writes the queue down now and then, and after a kill it runs again what was under way by then: an old
        answer would meet a later question.
        """
        self._signal(signal.SIGKILL)
        shutil.rmtree(self._folder / ".langgraph_api")

    def stop(self) -> None:
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, number)
            self.process.wait(timeout=300)

    def _wait(self) -> None:
        for _ in range(3000):
            try:
                if httpx.get(f"{self.url}/ok", timeout=2).status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)
            if self.process and self.process.poll() is not None:
                break
        raise AssertionError((self._folder / "server.log").read_text()[-3000:])


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def naming_files(config: str) -> str:
    """Turn ``a.b:c``, and ``a.b.c`` of the checkpointer, into ``./a/b.py:c``."""

    def path(found: re.Match[str]) -> str:
        return f'"./{found[1].replace(".", "/")}.py:{found[2]}"'

    return re.sub(r'"(runtime\.[\w.]+)[.:](\w+)"', path, config)


@pytest.fixture
def server(tmp_path: Path, empty_database_uri: str, redis_uri: str, sandbox_server: Any) -> Iterator[Server]:
    with serving(tmp_path, empty_database_uri, redis_uri, sandbox_server) as running:
        yield running


@contextmanager
def serving(
    folder: Path, database_uri: str, redis_uri: str, sandbox_server: Any, *, by_path: bool = False
) -> Iterator[Server]:
    """A server in a folder of its own, on stand-in providers; its langgraph.json names modules, or files."""
    config = (ROOT / "langgraph.json").read_text()
    (folder / "langgraph.json").write_text(naming_files(config) if by_path else config)
    (folder / "runtime").symlink_to(ROOT / "runtime")
    parts = urlsplit(sandbox_server.base_url)
    names = ("GEMINI", "PERPLEXITY", "NANOBANA", "VEO")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "DATABASE_URI": database_uri,
        "REDIS_URI": redis_uri,
        "POSTHUB_HOME": str(folder / "home"),
        "POSTHUB_ALLOW_PRIVATE_HOSTS": f"{parts.hostname}:{parts.port}",
        "POSTHUB_VIDEO_POLL_SECONDS": "0.3",
        "CRON_SCHEDULER_SLEEP_TIME": "1",
        **{f"{name}_API_KEY": "test" for name in names},
        **{f"{name}_BASE_URL": sandbox_server.base_url for name in names},
    }
    running = Server(folder, environment)
    running.start()
    try:
        yield running
    finally:
        running.stop()


def waiting(state: Any) -> Any:
    """The one interrupt of a thread: there is never more than one."""
    interrupts = [i for task in state["tasks"] for i in task["interrupts"]]
    assert len(interrupts) == 1, state["next"]
    return interrupts[0]["value"]


async def change_production(uri: str, code: str) -> None:
    """Put a new version into production, as an editor would while the run waits."""
    database = Database(uri)
    editor = Editor(database, "local", Actor("eva", "admin", "tests"))
    before = (await editor.version((code, "cs"), 1)).template
    changed = TemplateFile(before.front_matter, before.body + "Piš stručně.\n")
    await editor.save(changed, parent=1, reason="stručněji")
    await editor.label((code, "cs"), 2, "production")
    await database.dispose()


async def test_a_month_runs_on_the_server_is_answered_in_every_shape_and_survives_its_death(
    server: Server, empty_database_uri: str, sandbox_server: Any
) -> None:
    client = get_client(url=server.url)
    assistant = (await client.assistants.search(graph_id="month"))[0]["assistant_id"]
    schemas: dict[str, Any] = dict(await client.assistants.get_schemas(assistant))
    assert {"company", "website", "month"} <= set(schemas["input_schema"]["properties"])
    assert {"organization", "tier", "approve", "templates"} <= set(schemas["context_schema"]["properties"])
    assert "packages" in schemas["output_schema"]["properties"]
    technical = {"item", "revision", "reason", "rework", "pins"}
    shown = schemas["state_schema"]["properties"]
    assert not technical & set(shown)
    assert [name for name, field in shown.items() if not field.get("description")] == []

    name, site = next(iter(sandbox_server.sites.items()))
    request = {"company": name, "website": site, "month": "2027-01", "posts": 2, "platforms": ["linkedin"]}
    thread = (await client.threads.create())["thread_id"]
    events: list[Any] = []
    async for part in client.runs.stream(
        thread,
        assistant,
        input=request,
        context={"tier": "ultimate", "templates": {"BLOGPOST_GEN_V1": "production", "DNA_V1": 1}},
        stream_mode=["custom"],
        durability="sync",
    ):
        events.append(part)
    assert {"event": "step", "step": "research", "items": ["dna"]} in [part.data for part in events]

    async def answer(resume: Any) -> None:
        await client.runs.wait(thread, assistant, command={"resume": resume}, durability="sync")

    async def asked() -> Any:
        return waiting(await client.threads.get_state(thread))

    started: Any = (await client.threads.get_state(thread))["values"]
    assert started["templates"]["DNA_V1"] == 1
    wrong = await client.threads.create()
    with pytest.raises(Exception, match=r"NotFound|no version 7"):
        await client.runs.wait(
            wrong["thread_id"],
            assistant,
            input=request,
            context={"tier": "ultimate", "templates": {"DNA_V1": 7}},
            durability="sync",
        )
    await change_production(empty_database_uri, "PERSONA_GEN_V1")
    assert (await asked())["point"] == "dna"
    await answer({"type": "approve"})

    personas = await asked()
    assert (personas["point"], len(personas["items"])) == ("personas", 6)
    assert all(action["args"] == action["arguments"] for action in personas["action_requests"])
    await answer([{"type": "accept", "args": None}] * 5 + [{"type": "ignore", "args": None}])
    rest = await asked()
    assert (rest["point"], rest["items"]) == ("personas", ["p6"])
    await answer("approve, please")
    assert (await asked())["problems"], "an answer that does not fit is asked again with what is wrong"
    await answer({"decisions": [{"id": "p6", "type": "drop"}]})

    assert (await asked())["point"] == "topics"
    server.kill()
    server.start()
    client = get_client(url=server.url)
    await client.threads.create(thread_id=thread, if_exists="do_nothing")
    await client.threads.update(thread, metadata={"graph_id": "month"})
    topics = await asked()
    assert (topics["point"], topics["items"]) == ("topics", ["t01", "t02"]), "checkpoints survive kill -9"
    tokens = []
    async for part in client.runs.stream(
        thread,
        assistant,
        command={"resume": {"decisions": [{"type": "approve"}, {"type": "approve"}]}},
        stream_mode=["messages-tuple"],
        durability="sync",
    ):
        tokens.append(part)
    assert any(part.event == "messages" for part in tokens), f"the post streams its text: {tokens!r:.2000}"

    posts = await asked()
    assert posts["point"] == "posts"
    again = {"id": "t01.post", "type": "reject", "reason": "Začni příběhem."}
    await answer(
        {"decisions": [again, {"id": "t02.post", "type": "edit", "edited": {"metaTitle": "Nový titulek"}}]}
    )
    posts = await asked()
    assert (posts["point"], posts["items"]) == ("posts", ["t01.post"]), "only what was rejected is made again"
    await answer({"decisions": [{"id": "t01.post", "type": "approve"}]})
    assert (await asked())["point"] == "packages"
    await answer({"decisions": [{"type": "approve"}, {"type": "approve"}]})

    state: Any = await client.threads.get_state(thread)
    assert state["next"] == []
    assert {card["status"] for card in state["values"]["packages"].values()} == {"approved"}
    assert (Path(state["values"]["package"]) / "index.html").is_file()
    with psycopg.connect(empty_database_uri) as connection:
        saved = connection.execute(
            "select count(*) from checkpoints where thread_id = %s", [thread]
        ).fetchone()
        decided = connection.execute(
            "select decision, count(*) from decisions where run_id = %s and state = 'accepted' group by 1",
            [thread],
        ).fetchall()
        versions = connection.execute(
            "select distinct template_code, template_version from personas where run_id = %s", [thread]
        ).fetchall()
    assert versions == [("PERSONA_GEN_V1", 1)], "a run goes on with the versions that it started with"
    assert saved and saved[0] > 10
    assert dict(decided) == {"approve": 11, "drop": 1, "edit": 1, "reject": 1}


async def sent(uri: str, *nodes: str) -> None:
    """Wait until a call of one of some nodes is under way."""
    query = (
        "select 1 from attempts a join jobs j on j.id = a.job_id where a.state = 'held' and j.node = any(%s)"
    )
    async with (
        asyncio.timeout(300),
        await psycopg.AsyncConnection.connect(uri, autocommit=True) as connection,
    ):
        while (await (await connection.execute(query, [list(nodes)])).fetchone()) is None:
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)  # the bytes leave after the hold


async def test_what_is_paid_when_a_run_is_cancelled_left_or_ended_with_the_server_is_kept(
    server: Server, empty_database_uri: str, sandbox: Any
) -> None:
    before = {line["id"] for line in sandbox.bill()}
    client = get_client(url=server.url)
    assistant = (await client.assistants.search(graph_id="month"))[0]["assistant_id"]
    name, site = next(iter(sandbox.sites.items()))
    request = {"company": name, "website": site, "month": "2027-01", "posts": 2, "platforms": ["linkedin"]}
    thread = (await client.threads.create())["thread_id"]
    how: dict[str, Any] = {"context": {"tier": "ultimate", "approve": "auto"}, "durability": "sync"}
    sandbox.fault("slow", seconds=3.0)

    await client.runs.create(thread, assistant, input=request, **how)
    await sent(empty_database_uri, "research")
    server.stop()
    server.start()
    client = get_client(url=server.url)
    run = await client.runs.create(thread, assistant, input=None, multitask_strategy="enqueue", **how)
    await sent(empty_database_uri, "write_post")
    for each in await client.runs.list(thread):
        if each["status"] in {"running", "pending"}:
            await client.runs.cancel(thread, each["run_id"], wait=True)
    assert run

    async def left() -> None:
        async for _ in client.runs.stream(thread, assistant, input=None, on_disconnect="cancel", **how):
            pass

    leaving = asyncio.create_task(left())
    await sent(empty_database_uri, "images", "video")
    leaving.cancel()
    await asyncio.wait([leaving])
    sandbox.clear_faults()
    await client.runs.wait(thread, assistant, input=None, **how)

    state: Any = await client.threads.get_state(thread)
    assert (state["next"], set(state["values"]["packages"])) == ([], {"t01", "t02"})
    lines = [line["client_request_id"] for line in sandbox.bill() if line["id"] not in before]
    with psycopg.connect(empty_database_uri) as connection:
        attempts = connection.execute(
            "select id, job_id, state from attempts where state <> 'void'"
        ).fetchall()
    assert {row[2] for row in attempts} == {"settled"}
    assert len({row[1] for row in attempts}) == len(attempts)
    assert sorted(row[0] for row in attempts) == sorted(lines)
