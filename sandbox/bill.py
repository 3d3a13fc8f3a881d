"""The bill: one line for every paid call that was answered, or accepted and then left unanswered by a fault.

The file is opened for appending and every line is one write, so that two sandboxes may keep one bill.
"""

from __future__ import annotations

import json
import os
import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.prices import Cost


@dataclass(frozen=True)
class Charge:
    """One call as it will be billed. ``request_hash`` is the same for the same request."""

    provider: str
    model: str
    kind: str
    units: dict[str, int | float]
    cost: Cost
    request_id: str
    request_hash: str
    client_request_id: str = ""


class Bill:
    """Appends to and reads ``bill.jsonl`` under a folder."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.path = home / "bill.jsonl"
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def add(self, charge: Charge) -> dict[str, Any]:
        """Book a call; returns the line."""
        line: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "provider": charge.provider,
            "model": charge.model,
            "kind": charge.kind,
            "units": charge.units,
            "cost_micro_usd": charge.cost.micro,
            "request_id": charge.request_id,
            "request_hash": charge.request_hash,
            "client_request_id": charge.client_request_id,
        }
        os.write(self._file, (json.dumps(line, ensure_ascii=False) + "\n").encode())
        return line

    def lines(self) -> list[dict[str, Any]]:
        """Every line of the file, also those of another sandbox beside this one."""
        with self.path.open(encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def report(self, since: str = "") -> dict[str, Any]:
        """Lines after an ISO time, with totals by provider."""
        lines = [line for line in self.lines() if line["at"] > since]
        totals: dict[str, dict[str, int]] = defaultdict(lambda: {"calls": 0, "cost_micro_usd": 0})
        for line in lines:
            totals[line["provider"]]["calls"] += 1
            totals[line["provider"]]["cost_micro_usd"] += line["cost_micro_usd"]
        total = sum(line["cost_micro_usd"] for line in lines)
        return {"total_micro_usd": total, "calls": len(lines), "by_provider": totals, "lines": lines}

    def close(self) -> None:
        os.close(self._file)
