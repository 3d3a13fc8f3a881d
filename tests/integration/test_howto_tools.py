"""The agent of docs/howto/tools.md, run as it stands there: real tools, the sandbox's HTTP, a scripted model."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable

from runtime.services import Services, open_services
from runtime.settings import load

PAGE = Path(__file__).resolve().parents[2] / "docs/howto/tools.md"
AGENT, CODE = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


class Scripted(GenericFakeChatModel):
    """A chat model that says what it was told to say, and keeps which tools it was given."""

    given: ClassVar[list[str]] = []

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Runnable[Any, Any]:
        self.given.extend(tool.name for tool in tools)
        return self


def says(*calls: tuple[str, dict[str, Any]]) -> AIMessage:
    return AIMessage(
        "", tool_calls=[{"name": name, "args": args, "id": name, "type": "tool_call"} for name, args in calls]
    )


async def run(code: str, names: dict[str, Any]) -> dict[str, Any]:
    """Run a block of the page, which may await."""
    made = eval(compile(code, PAGE.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    if inspect.isawaitable(made):
        await made
    return names


@pytest.fixture
async def services(
    sandbox: Any, tmp_path: Path, database_uri: str, redis_uri: str
) -> AsyncIterator[Services]:
    environment = {
        "DATABASE_URI": database_uri,
        "REDIS_URI": redis_uri,
        "POSTHUB_HOME": str(tmp_path),
        "POSTHUB_ALLOW_PRIVATE_HOSTS": sandbox.base_url.removeprefix("http://"),
        "POSTHUB_VIDEO_POLL_SECONDS": "0.3",
    }
    for name in ("GEMINI", "PERPLEXITY", "NANOBANA", "VEO"):
        environment |= {f"{name}_API_KEY": "test", f"{name}_BASE_URL": sandbox.base_url}
    async with open_services(load(environment)) as opened:
        yield opened


async def test_the_agent_of_the_page_searches_reads_and_makes_a_picture_that_is_booked_to_its_run(
    sandbox: Any, services: Services
) -> None:
    site = next(iter(sandbox.sites.values()))
    model = Scripted(
        messages=iter(
            [
                says(("web_search", {"question": "Kdo jsou zákazníci firmy?"}), ("read_site", {"url": site})),
                says(("generate_image", {"prompt": "A barista pours latte art", "alt_text": "Baristka"})),
                AIMessage("Hotovo."),
            ]
        )
    )
    names = await run(AGENT, {"services": services, "model": model})
    assert len(AGENT.split("\n\n")[1].splitlines()) <= 10, "the page promises a short one"

    ended = await names["agent"].ainvoke({"messages": [("user", "Připrav obrázek pro web firmy.")]})

    told = {message.name: message for message in ended["messages"] if message.type == "tool"}
    assert model.given == ["web_search", "read_page", "read_site", "generate_image", "generate_video"]
    assert {name: message.status for name, message in told.items()} == {
        "web_search": "success",
        "read_site": "success",
        "generate_image": "success",
    }
    assert told["web_search"].artifact.text
    assert told["read_site"].artifact[0].url.startswith(site.rstrip("/"))
    assert json.loads(told["generate_image"].content)["key"] == told["generate_image"].artifact.key
    served = [told[name].artifact.served.cost_micro for name in ("web_search", "generate_image")]
    assert await services.ledger.run_cost("local", "my-run") == sum(served) > 0


async def test_code_gets_the_whole_result_of_a_tool_and_the_same_arguments_are_bought_once(
    services: Services,
) -> None:
    names = await run(AGENT, {"services": services, "model": Scripted(messages=iter([]))})
    first = (await run(CODE, names))["picture"]
    again = (await run(CODE, names))["picture"]
    assert (first.media_type.partition("/")[0], first.served.replayed) == ("image", False)
    assert (again.key, again.served.replayed) == (first.key, True)
