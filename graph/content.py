"""The month on one screen.

    START → intake → research → review_dna ⟲
          → propose_personas → review_personas ⟲
          → plan_topics → route → review_topics ⟲
          → Send: write_post × N → route → review_posts ⟲
          → Send: social × platforms, make_images × aspects, make_video → route → review_packages ⟲
          → route → handover → END

A review node answers with a `Command` that sends each decided item on its way, so it has no edges of its own.
Everything that was worked on comes together in `route`, which goes to the earliest review that still has something
to ask. So there is never more than one pending interrupt in a thread.
"""

from __future__ import annotations

from typing import Any

from langgraph.graph import END, START, StateGraph

from domain.month import Month
from graph.routing import route
from graph.state import MonthInput, MonthOutput
from nodes.handover import Handover
from nodes.intake import Intake, RunContext
from nodes.media import Images, Video
from nodes.personas import Personas
from nodes.research import Research
from nodes.review import ReviewDna, ReviewPackages, ReviewPersonas, ReviewPosts, ReviewTopics
from nodes.social import Social
from nodes.topics import Topics
from nodes.work import Ports
from nodes.writing import Writing

MAX_PARALLEL = 8
"""Items in work at once; the providers' own rate limits are kept by the gateway."""
MAX_STEPS = 500
"""Supersteps of one invocation: every partial answer takes some."""

MonthGraph = StateGraph[Month, RunContext, MonthInput, MonthOutput]


def build(ports: Ports, *, sandbox: bool) -> MonthGraph:
    """Draw the graph. Compile it with a checkpointer in process, without one for the LangGraph server."""
    graph: Any = StateGraph(
        Month, context_schema=RunContext, input_schema=MonthInput, output_schema=MonthOutput
    )
    graph.add_node("intake", Intake(ports, sandbox))
    graph.add_node("research", Research(ports))
    graph.add_node(
        "review_dna", ReviewDna(ports), destinations=("review_dna", "research", "propose_personas")
    )
    graph.add_node("propose_personas", Personas(ports))
    graph.add_node(
        "review_personas",
        ReviewPersonas(ports),
        destinations=("review_personas", "propose_personas", "plan_topics"),
    )
    graph.add_node("plan_topics", Topics(ports))
    graph.add_node(
        "review_topics",
        ReviewTopics(ports),
        destinations=("review_topics", "plan_topics", "write_post", "route"),
    )
    graph.add_node("write_post", Writing(ports))
    graph.add_node(
        "review_posts",
        ReviewPosts(ports),
        destinations=("review_posts", "write_post", "social", "make_images", "make_video", "route"),
    )
    graph.add_node("social", Social(ports))
    graph.add_node("make_images", Images(ports))
    graph.add_node("make_video", Video(ports))
    graph.add_node(
        "review_packages",
        ReviewPackages(ports),
        destinations=("review_packages", "social", "make_images", "make_video", "route"),
    )
    graph.add_node(
        "route", route, destinations=("review_topics", "review_posts", "review_packages", "handover")
    )
    graph.add_node("handover", Handover(ports))

    graph.add_edge(START, "intake")
    graph.add_edge("intake", "research")
    graph.add_edge("research", "review_dna")
    graph.add_edge("propose_personas", "review_personas")
    for maker in ("plan_topics", "write_post", "social", "make_images", "make_video"):
        graph.add_edge(maker, "route")
    graph.add_edge("handover", END)
    return graph  # type: ignore[no-any-return]
