"""Hand-over: a company's approved month as a folder that people open and systems import."""

from __future__ import annotations

from nodes.handover.collect import collect
from nodes.handover.model import MonthPackage
from nodes.handover.write import Written, write

__all__ = ["MonthPackage", "Written", "collect", "write"]
