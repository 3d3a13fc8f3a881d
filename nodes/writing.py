"""Writing: one blog post in its persona's voice; drafted, checked, revised, and reviewed with what is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessageChunk
from langgraph.graph.message import push_message
from pydantic_core import from_json

from domain.content.post import BlogPost, draft_text, post_findings, post_schema
from domain.errors import PostHubError
from domain.ids import stable_id
from domain.month import Month, Update, Work, cards_of, new_card
from domain.stages import POSTS, TOPICS, Kind
from nodes.drafting import Text, best_draft
from nodes.work import Ports, Task, company, guarded, owner, topic_of
from store.content.items import ItemRecord


@dataclass(frozen=True)
class Writing:
    ports: Ports

    async def __call__(self, state: Work) -> Update:
        month, item = state["month"], state["item"]
        task = Task(POSTS, item, state["revision"])

        async def work() -> ItemRecord:
            return await self._write(month, task, state["reason"])

        made = await guarded(self.ports, month, task, work)
        title = cards_of(month, TOPICS)[item]["title"]
        if isinstance(made, PostHubError):
            return {POSTS.key: {item: new_card(title, task.revision, str(made))}}
        return {POSTS.key: {item: new_card(title, task.revision, version=made.version)}}

    async def _write(self, month: Month, task: Task, reason: str) -> ItemRecord:
        planned, persona = await topic_of(self.ports, month, task.item)
        topic = planned.content
        variables: dict[str, Any] = {
            "company": await company(self.ports, month),
            "persona": persona.content,
            "topic": topic,
            "reason": reason,
            "previous": None,
            "findings": [],
        }
        draft = await best_draft(
            self.ports,
            month,
            task,
            Text(
                "BLOGPOST_GEN_V1",
                post_schema(topic),
                BlogPost.model_validate,
                findings_of=lambda post: post_findings(post, topic["focusKeyword"]),
                revision_of=lambda post: {"previous": _plain(post)},
                on_text=lambda step: _token_stream(
                    stable_id(month["run_id"], task.item, task.revision, step)
                ),
            ),
            variables,
        )
        return await self.ports.items.save(
            owner(month),
            Kind.POST,
            task.item,
            task.revision,
            _plain(draft.value),
            findings=(*draft.warnings, *draft.findings),
            template=draft.template,
            model=draft.model,
        )


def _plain(post: BlogPost) -> dict[str, Any]:
    return post.model_dump(mode="json", by_alias=True)


def _token_stream(message_id: str) -> Callable[[str], None]:
    """Turn the JSON that arrives into the article's text, so that whoever watches reads prose."""
    received: list[str] = []
    shown = ""

    def on_text(delta: str) -> None:
        nonlocal shown
        received.append(delta)
        text = _prose("".join(received))
        if len(text) - len(shown) >= 80 and text.startswith(shown):
            push_message(AIMessageChunk(content=text[len(shown) :], id=message_id), state_key=None)
            shown = text

    return on_text


def _prose(partial: str) -> str:
    """Read as much of the article as has arrived; nothing while there is no title yet."""
    try:
        post = from_json(partial, allow_partial="trailing-strings")
    except ValueError:
        return ""
    return draft_text(post) if isinstance(post, dict) else ""
