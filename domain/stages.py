"""The stages of a month, one row each: nothing translates between a stage's names by hand.

The values of `Kind`, of `JobKind` and of ``booked_as`` are kept in the database: they are data and stay what they
are, whatever a stage is called in front of people.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.calls import JobKind
from domain.ids import part_id, whole_of
from domain.review import Point


class Kind(StrEnum):
    """What an item is; the store keeps a table of each."""

    DNA = "dna"
    PERSONA = "persona"
    TOPIC = "topic"
    POST = "post"
    SOCIAL = "social"
    ASSET = "asset"


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage; what it does not have is empty.

    Args:
        name: What progress, quotes and code call it.
        label: What people read while it works.
        items_label: What people read where its items are put before them; only stages with a review have one.
        node: The graph's node that does the work.
        point: The review point at which its items are decided.
        key: Where the state keeps the cards of its items.
        kind: What its items are.
        job: What kind of paid call it makes.
        booked_as: `Call.node` of its paid calls, in journal and ledger.
        templates: Codes of the prompts that it asks with.
        part: What its items are of the topic that they belong to; empty where they belong to none.
    """

    name: str
    label: str
    items_label: str = ""
    node: str = ""
    point: Point | None = None
    key: str = ""
    kind: Kind | None = None
    job: JobKind | None = None
    booked_as: str = ""
    templates: tuple[str, ...] = ()
    part: str = ""

    @property
    def is_reviewed(self) -> bool:
        """Whether it has a review of its own; what has none is decided with its package, or not at all."""
        return bool(self.items_label)

    @property
    def review_node(self) -> str:
        """The graph's node that asks about its items."""
        return f"review_{self.point}"

    def asked_as(self, item: str) -> str:
        """The id under which an item is decided; its month has it once: ``t01`` is a topic, ``t01.post`` its post."""
        return part_id(item, self.part) if self.part else item

    def item_of(self, asked: str) -> str:
        """The item that is decided under an id."""
        return whole_of(asked) if self.part else asked


RESEARCH = Stage(
    name="research",
    label="Research",
    items_label="Company DNA",
    node="research",
    point="dna",
    key="dna",
    kind=Kind.DNA,
    job=JobKind.SCRAPE_DNA,
    booked_as="research",
    templates=("RESEARCH_V1", "DNA_V1"),
)
PERSONAS = Stage(
    name="personas",
    label="Personas",
    items_label="Personas",
    node="propose_personas",
    point="personas",
    key="personas",
    kind=Kind.PERSONA,
    job=JobKind.GENERATE_PERSONAS,
    booked_as="personas",
    templates=("PERSONA_GEN_V1",),
)
TOPICS = Stage(
    name="topics",
    label="Topics",
    items_label="Topics",
    node="plan_topics",
    point="topics",
    key="topics",
    kind=Kind.TOPIC,
    job=JobKind.GENERATE_TOPICS,
    booked_as="topics",
    templates=("TOPIC_GEN_V1",),
)
POSTS = Stage(
    name="posts",
    label="Posts",
    items_label="Blog posts",
    node="write_post",
    point="posts",
    key="blog_posts",
    kind=Kind.POST,
    job=JobKind.GENERATE_BLOGPOST,
    booked_as="write_post",
    templates=("BLOGPOST_GEN_V1",),
    part="post",
)
SOCIAL = Stage(
    name="social",
    label="Social",
    node="social",
    point="packages",
    key="packages",
    kind=Kind.SOCIAL,
    job=JobKind.GENERATE_SOCIAL,
    booked_as="social",
    templates=("SOCIAL_POST_GEN_V1",),
)
VISUALS = Stage(
    name="visuals",
    label="Visuals",
    point="packages",
    job=JobKind.GENERATE_IMAGE,
    booked_as="visual",
    templates=("VISUAL_GEN_V1",),
)
"""What pictures and clip of a post show: asked for inside of both, so it has a price and no node."""
IMAGES = Stage(
    name="images",
    label="Images",
    node="make_images",
    point="packages",
    key="packages",
    kind=Kind.ASSET,
    job=JobKind.GENERATE_IMAGE,
    booked_as="images",
    templates=("VISUAL_GEN_V1",),
)
VIDEO = Stage(
    name="video",
    label="Video",
    node="make_video",
    point="packages",
    key="packages",
    kind=Kind.ASSET,
    job=JobKind.GENERATE_VIDEO,
    booked_as="video",
    templates=("VISUAL_GEN_V1",),
)
PACKAGES = Stage(
    name="packages",
    label="Packages",
    items_label="Finished packages",
    point="packages",
    key="packages",
    kind=Kind.POST,
    part="package",
)
"""A post with its social posts, pictures and clip; made by the stages before it."""
HANDOVER = Stage(name="handover", label="Handover", node="handover")

NEXT_REVIEW = "next_review"
"""The graph's node in which everything that was worked on comes together: who is asked next, or whether it is done."""

STAGES: tuple[Stage, ...] = (
    *(RESEARCH, PERSONAS, TOPICS, POSTS),
    *(SOCIAL, VISUALS, IMAGES, VIDEO, PACKAGES),
    HANDOVER,
)
"""In the order of the month."""

REVIEWED: tuple[Stage, ...] = tuple(stage for stage in STAGES if stage.is_reviewed)
WORKING: tuple[Stage, ...] = tuple(stage for stage in STAGES if stage.node)
"""The stages that do something of their own, as progress shows them."""


def named(name: str) -> Stage:
    """Return the stage of a name."""
    return next(stage for stage in STAGES if stage.name == name)


def at_point(point: str) -> Stage:
    """Return the stage that is reviewed at a point."""
    return next(stage for stage in REVIEWED if stage.point == point)


def of_kind(kind: str, media: str = "") -> Stage:
    """Return the stage that makes a kind of item; of assets, ``media`` says whether it is an image or a video."""
    if kind == Kind.ASSET:
        return VIDEO if media == "video" else IMAGES
    return next(stage for stage in WORKING if stage.kind == kind)


def booked_as(node: str) -> Stage | None:
    """Return the stage that a paid call belongs to, by the call's ``node``; None for a node of no stage."""
    return next((stage for stage in STAGES if node and stage.booked_as == node), None)
