"""Ends runs for good, and follows what a server does to their threads.

Rows go first, in one transaction that also notes what lies elsewhere; then that is taken away, piece by piece. What was
interrupted in between is finished by asking again.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.errors import InvalidInput, NotFound, StoreUnavailable
from nodes.work import Ports
from store.checkpoints import PostHubSaver
from store.content.erasures import Erasure
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
    try:
        run = await ports.runs.get(organization, run_id)
    except NotFound:
        if left := await ports.erasures.of_run(organization, run_id):
            return DeletedRun(run_id, await take_away(ports, saver, organization, left), None)
        raise
    if run.standing == RunStatus.RUNNING:
        raise InvalidInput(
            f"The run {run_id} is being worked on.",
            next_step="Stop it, or wait until it is done; then try again.",
        )
    async with ports.runs.exclusive(organization, run_id, owner=ports.ledger.owner):
        files = await _erase(ports, saver, organization, run_id)
    return DeletedRun(run_id, files, chosen_place(ports, run_id, run.out))


async def copy_thread(ports: Ports, source: str, target: str) -> None:
    """Open the run of a thread that a server has just copied, with what its parent has at this moment."""
    organization = await ports.runs.whose(source)
    if organization is not None:
        await ports.branches.open(organization, source, target)


async def forget_thread(ports: Ports, saver: PostHubSaver, thread_id: str) -> None:
    """Delete what a run has made whose thread was deleted on a server."""
    organization = await ports.runs.whose(thread_id)
    if organization is not None:
        await _erase(ports, saver, organization, thread_id)


async def take_away(ports: Ports, saver: PostHubSaver, organization: str, left: Iterable[Erasure]) -> int:
    """Take away what deleted rows had elsewhere; what is gone already is no error.

    Returns:
        How many files that nothing else shows were deleted.

    Raises:
        StoreUnavailable: A store does not answer; what is left stays noted.
    """
    files = set()
    for one in left:
        if one.file and not await ports.erasures.is_shown(one.file):
            await ports.files.delete(one.file)
            files.add(one.file)
        elif one.run_id and not one.file:
            await saver.adelete_thread(one.run_id)
            await asyncio.to_thread(_remove, ports.packages / one.run_id)
        if one.run_id:
            await ports.erasures.done(organization, one)
    return len(files)


def chosen_place(ports: Ports, run_id: str, out: str | None) -> str | None:
    """Return where a run's package was written that a person chose; None where it lies in the data folder."""
    return out if out and out != str(ports.packages / run_id) else None


async def _erase(ports: Ports, saver: PostHubSaver, organization: str, run_id: str) -> int:
    await ports.branches.delete(organization, run_id)
    return await take_away(ports, saver, organization, await ports.erasures.of_run(organization, run_id))


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreUnavailable(
            f"The package in {folder} could not be deleted: {error.strerror}.",
            next_step="See to it that it may be, then delete it again.",
        ) from error
