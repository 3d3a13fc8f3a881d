"""Making an image as a tool."""

from __future__ import annotations

from typing import Any

from langchain_core.tools import BaseTool

from domain.calls import Call, ImageRequest, JobKind
from tools._common import ToolGateway, media_answer, named_call, tool_of
from tools._media import MediaArguments

_DESCRIPTION = (
    "Make one image and store it. Every image is paid for; the same arguments give the same stored image. "
    "Returns the key of the file in the store, not the picture itself."
)


class ImageArguments(MediaArguments):
    """One image."""


def generate_image_tool(gateway: ToolGateway, call: Call) -> BaseTool:
    """Make the tool ``generate_image``: ``{"key", "media_type", "size", "alt_text", "aspect_ratio", …}``.

    Args:
        gateway: Where the image is bought.
        call: Who pays and for what; each set of arguments becomes a step of it.
    """

    async def generate(**arguments: Any) -> dict[str, Any]:
        asked = ImageArguments(**arguments)
        request = ImageRequest(asked.prompt, asked.negative_prompt, asked.aspect_ratio)
        named = named_call(call, "generate_image", asked, JobKind.GENERATE_IMAGE)
        result = await gateway.image(named, request)
        return media_answer(result, asked.alt_text) | {"aspect_ratio": asked.aspect_ratio}

    return tool_of("generate_image", _DESCRIPTION, ImageArguments, generate)
