"""A paid call's walk is the one that docs/reference/paid-call.md tells."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from domain.calls import TextRequest
from fetching.fetcher import SafeFetcher
from gateway.build import build_gateway
from gateway.config import GatewayConfig, ProviderConfig
from gateway.providers.prices import shipped_prices
from store.content.files import FileStore
from store.database import Database
from store.money.prices import Prices
from tests.gateway_standin import standing_in
from tests.money_rows import CALL

ROOT = Path(__file__).parents[2]
TOLD = re.findall(
    r"^\d+\. `([^`]+)`", (ROOT / "docs/reference/paid-call.md").read_text("utf-8"), flags=re.MULTILINE
)


async def test_a_text_call_comes_by_the_told_files_in_their_order(
    database: Database, files: FileStore
) -> None:
    await Prices(database).load_shipped(shipped_prices())
    entered: list[str] = []

    def watch(frame: FrameType, event: str, argument: Any) -> None:
        path = frame.f_code.co_filename
        if event == "call" and frame.f_code.co_name != "<module>" and path.startswith(str(ROOT)):
            entered.append(path.removeprefix(f"{ROOT}/"))

    with standing_in() as standin:
        config = GatewayConfig(providers={"gemini": ProviderConfig("gemini", "key", standin.base_url)})
        gateway = build_gateway(config, database, files, SafeFetcher())
        await gateway.text(replace(CALL, item="before"), TextRequest("text", "", "Ahoj.", 500))  # imports
        sys.setprofile(watch)
        try:
            answered = await gateway.text(CALL, TextRequest("text", "", "Napiš pozdrav.", 500))
        finally:
            sys.setprofile(None)
        await gateway.aclose()
    assert answered.served.cost_micro > 0
    assert [path for path in dict.fromkeys(entered) if path in TOLD] == TOLD
    assert len(TOLD) <= 9
