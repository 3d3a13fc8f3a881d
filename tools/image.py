"""Making an image as a tool."""

from __future__ import annotations

from typing import Any

from langchain_core.tools import BaseTool

from domain.calls import Call, ImageRequest, JobKind, MediaResult
from tools.calling import Told, ToolGateway, media_answer, named_call, tool_of
from tools.media import MediaArguments

_DESCRIPTION = (
    "Make one image and store it. Every image is paid for; the same arguments give the same stored image. "
    "Returns the key of the file in the store, not the picture itself."
)


class ImageArguments(MediaArguments):
    """One image."""


def generate_image_tool(gateway: ToolGateway, call: Call, *, once: bool = False) -> BaseTool:
    """Make the tool ``generate_image``: ``{"key", "media_type", "size", "alt_text", "aspect_ratio", …}``.

    Its artifact is the `MediaResult`.

    Args:
        gateway: Where the image is bought.
        call: Who pays and for what; each set of arguments becomes a step of it.
        once: The tool is used for this one call, which keeps its own name.
    """

    async def generate(**arguments: Any) -> tuple[Told, MediaResult]:
        asked = ImageArguments(**arguments)
        request = ImageRequest(asked.prompt, asked.negative_prompt, asked.aspect_ratio)
        named = named_call(call, "generate_image", asked, JobKind.GENERATE_IMAGE, once=once)
        result = await gateway.image(named, request)
        return media_answer(result, asked.alt_text) | {"aspect_ratio": asked.aspect_ratio}, result

    return tool_of("generate_image", _DESCRIPTION, ImageArguments, generate)
