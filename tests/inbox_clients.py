"""What Agent Inbox and agent-chat-ui send when their buttons are pressed; written down from their code.

Both show all of an item's fields in text areas. A field that is typed over comes back as text, whatever it was, the
others as they were. Agent Inbox knows the first item of a question alone; agent-chat-ui answers all of them at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Request = Mapping[str, Any]


def as_typed(value: Any) -> str:
    """What a text area shows of a field (``JSON.stringify``), and sends once something in it was changed."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class AgentInbox:
    """github.com/langchain-ai/agent-inbox."""

    def accept(self, request: Request) -> Any:
        return [{"type": "accept", "args": self._action(request)}]

    def edit(self, request: Request, **typed: str) -> Any:
        return [{"type": "edit", "args": self._action(request, typed)}]

    def reset_and_edit(self, request: Request, **typed: str) -> Any:
        fields = {key: as_typed(value) for key, value in self._action(request)["args"].items()}
        return [{"type": "edit", "args": self._action(request, fields | typed)}]

    def reject(self, request: Request, words: str) -> Any:
        return [{"type": "response", "args": words}]

    def ignore(self, request: Request) -> Any:
        return [{"type": "ignore", "args": None}]

    def _action(self, request: Request, typed: Mapping[str, str] | None = None) -> dict[str, Any]:
        first = request["action_requests"][0]
        return {"action": first["name"], "args": {**first["arguments"], **(typed or {})}}


class AgentChat:
    """github.com/langchain-ai/agent-chat-ui: decides the first item as asked, and approves the others."""

    def accept(self, request: Request) -> Any:
        return self._all(request, {"type": "approve"})

    def edit(self, request: Request, **typed: str) -> Any:
        first = request["action_requests"][0]
        action = {"name": first["name"], "args": {**first["args"], **typed}}
        return self._all(request, {"type": "edit", "edited_action": action})

    def reset_and_edit(self, request: Request, **typed: str) -> Any:
        first = request["action_requests"][0]
        return self.edit(request, **{key: as_typed(value) for key, value in first["args"].items()} | typed)

    def reject(self, request: Request, words: str) -> Any:
        return self._all(request, {"type": "reject", "message": words})

    def _all(self, request: Request, first: Mapping[str, Any]) -> Any:
        others = [{"type": "approve"} for _ in request["action_requests"][1:]]
        return {"decisions": [first, *others]}


def buttons(request: Request, index: int) -> list[str]:
    """The decisions that agent-chat-ui offers for an item: it looks them up by the action's name."""
    name = request["action_requests"][index]["name"]
    return next(
        each["allowed_decisions"] for each in request["review_configs"] if each["action_name"] == name
    )
