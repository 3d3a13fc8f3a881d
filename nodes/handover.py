"""Handover: everything approved, as files a person can open and systems can import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from domain.month import Month, Update
from domain.stages import HANDOVER
from exports.package.collect import collect
from exports.package.write import write
from nodes.made import made
from nodes.work import Ports, announce, owner, progress
from store.content.reviews import OutcomeStatus
from store.content.run_record import RunStatus


@dataclass(frozen=True)
class Handover:
    ports: Ports

    async def __call__(self, state: Month) -> Update:
        """Write the package where the run says; without a place, under the data folder.

        Raises:
            StorageFull: The disk is full; nothing is lost, resume the run when there is room.
        """
        announce(HANDOVER, ["package"])
        mine = owner(state)
        run = await self.ports.runs.get(mine.organization_id, mine.run_id)
        package = await collect(
            mine,
            await made(self.ports.items, mine, state),
            decisions=self.ports.decisions,
            reviews=self.ports.reviews,
            runs=self.ports.runs,
            tenants=self.ports.tenants,
            ledger=self.ports.ledger,
            prompts=self.ports.prompts,
        )
        out = Path(run.out) if run.out else self.ports.packages / mine.run_id
        written = await write(package, self.ports.files, out)
        if package.posts:  # a run of the server has nobody else to say so
            await self.ports.runs.set_status(mine.organization_id, mine.run_id, RunStatus.DONE, out=str(out))
        progress(HANDOVER, "package", OutcomeStatus.DONE, str(written.index))
        return {"package": str(out)}
