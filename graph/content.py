"""The month on one screen.

    START → intake, or take_up where the thread carries a month already
            intake → research → review_dna ⟲
          → propose_personas → review_personas ⟲
          → plan_topics → next_review → review_topics ⟲
          → Send: write_post × N → next_review → review_posts ⟲
          → Send: social × platforms, make_images × aspects, make_video → next_review → review_packages ⟲
          → next_review → handover → END

A review node answers with a `Command` that sends each decided item on its way, so it has no edges of its own.
Everything that was worked on comes together in `next_review`, which goes to the earliest review that still has
something to ask. So there is never more than one pending interrupt in a thread.
"""

from __future__ import annotations

from typing import Any

from langgraph.graph import END, START, StateGraph

from domain.month import Month
from domain.stages import HANDOVER, NEXT_REVIEW
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

    def add(name: str, node: Any, description: str, destinations: tuple[str, ...] | None = None) -> None:
        """Add a node. What a `Send` brings along (`Again`, `Work`) is for the node alone, and no key of the state."""
        told = {"description": description}
        graph.add_node(name, node, input_schema=Month, metadata=told, destinations=destinations)

    def work(name: str, node: Any, description: str, destinations: tuple[str, ...] | None = None) -> None:
        add(name, Branch(ports, node), description, destinations)

    add("intake", Intake(ports, sandbox), "Checks what is asked for; opens the month.")
    add("take_up", TakeUp(ports), "Goes on where a month stands that the thread carries already.", TAKEN_UP)
    work("research", Research(ports), "Reads the website, searches the web: the company's DNA, with sources.")
    work(
        "review_dna",
        ReviewDna(ports),
        "You decide on the company's DNA.",
        ("review_dna", "research", "propose_personas"),
    )
    work("propose_personas", Personas(ports), "Proposes six personas who could write.")
    work(
        "review_personas",
        ReviewPersonas(ports),
        "You decide who writes.",
        ("review_personas", "propose_personas", "plan_topics"),
    )
    work("plan_topics", Topics(ports), "Plans the month's topics, each with its day and persona.")
    work(
        "review_topics",
        ReviewTopics(ports),
        "You decide on the topics.",
        ("review_topics", "plan_topics", "write_post", NEXT_REVIEW),
    )
    work("write_post", Writing(ports), "Writes one blog post in its persona's voice.")
    work(
        "review_posts",
        ReviewPosts(ports),
        "You decide on the blog posts.",
        ("review_posts", "write_post", "social", "make_images", "make_video", NEXT_REVIEW),
    )
    work("social", Social(ports), "Writes one social post for one platform.")
    work("make_images", Images(ports), "Makes one picture of a post.")
    work("make_video", Video(ports), "Makes the clip of a post.")
    work(
        "review_packages",
        ReviewPackages(ports),
        "You decide on each post's social posts, pictures and clip.",
        ("review_packages", "social", "make_images", "make_video", NEXT_REVIEW),
    )
    add(NEXT_REVIEW, meet, "Waits until all are done; the earliest review that has something to ask is next.")
    work("handover", Handover(ports), "Writes the package: the page, texts, pictures, calendar.")

    graph.add_conditional_edges(START, begin, ["intake", "take_up"])
    graph.add_edge("intake", "research")
    graph.add_edge("research", "review_dna")
    graph.add_edge("propose_personas", "review_personas")
    for maker in ("plan_topics", "write_post", "social", "make_images", "make_video"):
        graph.add_edge(maker, NEXT_REVIEW)
    graph.add_conditional_edges(NEXT_REVIEW, route, [*(stage.review_node for stage in MEETS), HANDOVER.node])
    graph.add_edge("handover", END)
    return graph  # type: ignore[no-any-return]
