"""LangChain tools for a month's steps and any other agent; what costs money goes through the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from domain.calls import Call
    from fetching.pages import PageReader
    from tools.calling import ToolGateway

__all__ = ["tools_for"]


def tools_for(
    gateway: ToolGateway, pages: PageReader, call: Call, *, language: str = "cs", country: str = "CZ"
) -> list[BaseTool]:
    """Return every tool that works here; there is no web search where none is configured.

    Args:
        gateway: Where paid calls are bought.
        pages: Reads public pages.
        call: Who pays and for what; each tool call becomes a step of it, named by its arguments.
        language: Language of search answers.
        country: Where searches look from, ISO 3166 alpha-2.
    """
    # Loaded on use, so that reading a page does not load LangChain.
    from tools import image, page, search, video

    found = [search.web_search_tool(gateway, call, language=language, country=country)]
    return [
        *(found if gateway.has_search else ()),
        page.read_page_tool(pages),
        page.read_site_tool(pages),
        image.generate_image_tool(gateway, call),
        video.generate_video_tool(gateway, call),
    ]
