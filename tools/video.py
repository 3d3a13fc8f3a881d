"""Making a short video as a tool."""

from __future__ import annotations

from typing import Any

from langchain_core.tools import BaseTool
from pydantic import Field

from domain.calls import Call, JobKind, MediaResult, VideoRequest
from tools.calling import Told, ToolGateway, media_answer, named_call, told, tool_of
from tools.media import LIMITS, MediaArguments

_SECONDS = LIMITS["video_seconds"]
_DESCRIPTION = (
    "Make one short video clip and store it; takes up to some minutes. Every clip is paid for by the second; the same "
    "arguments give the same stored clip. Returns the key of the file in the store, not the video itself."
)


class VideoArguments(MediaArguments):
    """One continuous shot."""

    duration_seconds: int = Field(
        default=_SECONDS["default"],
        ge=_SECONDS["shortest"],
        le=_SECONDS["longest"],
        description=told("Length of the clip in seconds.", "8"),
    )


def generate_video_tool(gateway: ToolGateway, call: Call, *, once: bool = False) -> BaseTool:
    """Make the tool ``generate_video``: ``{"key", "media_type", "size", "alt_text", "seconds", …}``.

    Its artifact is the `MediaResult`.

    Args:
        gateway: Where the video is bought.
        call: Who pays and for what; each set of arguments becomes a step of it.
        once: The tool is used for this one call, which keeps its own name.
    """

    async def generate(**arguments: Any) -> tuple[Told, MediaResult]:
        asked = VideoArguments(**arguments)
        request = VideoRequest(
            asked.prompt, asked.negative_prompt, asked.aspect_ratio, duration_seconds=asked.duration_seconds
        )
        named = named_call(call, "generate_video", asked, JobKind.GENERATE_VIDEO, once=once)
        result = await gateway.video(named, request)
        shown = media_answer(result, asked.alt_text) | {
            "aspect_ratio": asked.aspect_ratio,
            "seconds": result.seconds,
            "thumbnail_key": result.thumbnail_key,
        }
        return shown, result

    return tool_of("generate_video", _DESCRIPTION, VideoArguments, generate)
