"""Media files: bought as operations, collected later, and kept in the file store."""

from __future__ import annotations

from typing import Any

from domain.content.media_file import lacks, media_type_of
from domain.errors import MediaJobFailed, MoneyState, PostHubError
from gateway.calls.attempt import BookedAttempt
from gateway.calls.booking import uncancelled, until_stored
from gateway.calls.request import Candidate
from gateway.ports import Answer, MediaFile, Operation
from store.content.files import FileStore
from store.money.journal import Journal


class Operations:
    """What has been bought and is still to come.

    Args:
        journal: Where operations are kept until they have been collected.
        files: Where media files go.
    """

    def __init__(self, journal: Journal, files: FileStore) -> None:
        self._journal = journal
        self._files = files

    async def keep(
        self, job_id: str, candidate: Candidate, operation: Operation, attempt: BookedAttempt
    ) -> None:
        """Store what a bought file is collected with, before the first poll."""
        ref = {
            "id": operation.id,
            "facts": dict(operation.facts),
            "offer": candidate.name,
            "attempt_id": attempt.id,
        }
        await until_stored(lambda: self._journal.refer(attempt.organization_id, job_id, attempt.id, ref))

    async def collect(
        self, job_id: str, candidate: Candidate, operation: Operation, attempt: BookedAttempt
    ) -> Answer:
        """Fetch what was bought. Unless the provider says that it failed, the hold stays: it may yet come."""
        assert candidate.collect is not None
        try:
            return await candidate.collect(operation)
        except MediaJobFailed as error:
            if error.money is MoneyState.NONE:
                await uncancelled(self._give_up(job_id, attempt, error))
            raise
        except PostHubError as error:
            error.money = MoneyState.HELD
            raise

    async def _give_up(self, job_id: str, attempt: BookedAttempt, error: MediaJobFailed) -> None:
        await attempt.void(error.code)
        await until_stored(lambda: self._journal.forget_ref(attempt.organization_id, job_id))

    async def store(self, media: MediaFile, answer: Answer) -> dict[str, Any]:
        """Keep a file and its thumbnail; returns how they are found, plain JSON."""
        media_type = media_type_of(media.content) or media.media_type
        stored: dict[str, Any] = {
            "key": await self._files.put(media.content, media_type),
            "media_type": media_type,
            "size": len(media.content),
            "seconds": answer.seconds,
            "thumbnail_key": None,
        }
        thumbnail = answer.thumbnail
        if thumbnail and (found := media_type_of(thumbnail.content)) and not lacks(thumbnail.content):
            stored["thumbnail_key"] = await self._files.put(thumbnail.content, found)
        return stored
