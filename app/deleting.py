"""Ends runs for good, and follows what a server does to their threads."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.errors import InvalidInput
from nodes.work import Ports
from store.checkpoints import PostHubSaver
from store.content.run_record import RunStatus


@dataclass(frozen=True, slots=True)
class DeletedRun:
    """A run that is gone. ``left``: where its package was written that a person chose; it stays."""

    thread_id: str
    files: int
    left: str | None

    def as_json(self) -> dict[str, Any]:
        return {"thread_id": self.thread_id, "deleted": True, "files": self.files, "left": self.left}


async def delete_run(ports: Ports, saver: PostHubSaver, organization: str, run_id: str) -> DeletedRun:
    """Delete a run: items, decisions, files, package and checkpoints. The ledger keeps its figures.

    Raises:
        NotFound: The organization has no such run.
        InvalidInput: It is being worked on.
        StoreUnavailable: A store does not answer; what is left is deleted by deleting it again.
    """
    run = await ports.runs.get(organization, run_id)
    if run.standing == RunStatus.RUNNING:
        raise InvalidInput(
            f"The run {run_id} is being worked on.",
            next_step="Stop it, or wait until it is done; then try again.",
        )
    async with ports.runs.exclusive(run_id, owner=ports.ledger.owner):
        files = await _erase(ports, organization, run_id)
        await saver.adelete_thread(run_id)
    own = str(ports.packages / run_id)
    return DeletedRun(run_id, files, run.out if run.out and run.out != own else None)


async def copy_thread(ports: Ports, source: str, target: str) -> None:
    """Open the run of a thread that a server has just copied, with what its parent has at this moment."""
    run = await ports.runs.of_thread(source)
    if run is not None:
        await ports.branches.open(run.organization_id, source, target)


async def forget_thread(ports: Ports, thread_id: str) -> None:
    """Delete what a run has made whose thread was deleted on a server."""
    run = await ports.runs.of_thread(thread_id)
    if run is not None:
        await _erase(ports, run.organization_id, thread_id)


async def _erase(ports: Ports, organization: str, run_id: str) -> int:
    keys = await ports.branches.delete(organization, run_id)
    for key in keys:
        await ports.files.delete(key)
    await asyncio.to_thread(shutil.rmtree, Path(ports.packages / run_id), ignore_errors=True)
    return len(keys)
