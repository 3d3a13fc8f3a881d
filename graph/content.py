"""The month on one screen.

    START → intake, or take_up where the thread carries a month already
            intake → research → review_dna ⟲
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
from domain.stages import HANDOVER
from graph.routing import MEETS, TAKEN_UP, begin, meet, route
from graph.state import MonthInput, MonthOutput
from nodes.branch import Branch
from nodes.handover import Handover
from nodes.intake import Intake, RunContext
from nodes.media import Images, Video
from nodes.personas import Personas
from nodes.research import Research
from nodes.review import ReviewDna, ReviewPackages, ReviewPersonas, ReviewPosts, ReviewTopics
from nodes.social import Social
from nodes.take_up import TakeUp
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

    def add(name: str, node: Any, destinations: tuple[str, ...] | None = None) -> None:
        step = Branch(ports, node)
        graph.add_node(name, step, input_schema=step.input_schema, destinations=destinations)

    graph.add_node("intake", Intake(ports, sandbox))
    graph.add_node("take_up", TakeUp(ports), destinations=TAKEN_UP)
    add("research", Research(ports))
    add("review_dna", ReviewDna(ports), ("review_dna", "research", "propose_personas"))
    add("propose_personas", Personas(ports))
    add(
        "review_personas",
        ReviewPersonas(ports),
        destinations=("review_personas", "propose_personas", "plan_topics"),
    )
    add("plan_topics", Topics(ports))
    add(
        "review_topics",
        ReviewTopics(ports),
        destinations=("review_topics", "plan_topics", "write_post", "route"),
    )
    add("write_post", Writing(ports))
    add(
        "review_posts",
        ReviewPosts(ports),
        destinations=("review_posts", "write_post", "social", "make_images", "make_video", "route"),
    )
    add("social", Social(ports))
    add("make_images", Images(ports))
    add("make_video", Video(ports))
    add(
        "review_packages",
        ReviewPackages(ports),
        destinations=("review_packages", "social", "make_images", "make_video", "route"),
    )
    graph.add_node("route", meet)
    add("handover", Handover(ports))

    graph.add_conditional_edges(START, begin, ["intake", "take_up"])
    graph.add_edge("intake", "research")
    graph.add_edge("research", "review_dna")
    graph.add_edge("propose_personas", "review_personas")
    for maker in ("plan_topics", "write_post", "social", "make_images", "make_video"):
        graph.add_edge(maker, "route")
    graph.add_conditional_edges("route", route, [*(stage.review_node for stage in MEETS), HANDOVER.node])
    graph.add_edge("handover", END)
    return graph  # type: ignore[no-any-return]
