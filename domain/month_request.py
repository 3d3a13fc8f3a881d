"""What a person asks for when starting a month: one model, checked once, before anything is spent.

`MonthInput` is the form: the graph's input, a command's options and the fields of a page are drawn from its
``model_fields`` (type, description, default, range, pattern, examples). `MonthRequest` adds who may do what: it is
what is kept with the run and what a quote is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from domain import month_fields as fields
from domain.content.platforms import platforms
from domain.errors import InvalidInput, LimitExceeded
from domain.month_fields import DEFAULT_PLATFORMS, MAX_ADDRESS, MAX_NAME, Against
from domain.review import POINTS, Policy
from domain.tiers import tier, tiers

_MOST_POSTS = max(one.posts_a_month for one in tiers())
_PLATFORMS = [one.code for one in platforms()]
_POLICY = {"type": "string", "enum": ["ask", "auto"]}

_OF_PLATFORMS = f"Of {', '.join(_PLATFORMS)}."

PlatformCode = Annotated[str, WithJsonSchema({"type": "string", "enum": _PLATFORMS})]
TierName = Annotated[str, WithJsonSchema({"type": "string", "enum": [one.name for one in tiers()]})]
ApproveSchema = WithJsonSchema(
    {"anyOf": [_POLICY, {"type": "object", "properties": dict.fromkeys(POINTS, _POLICY)}]}
)
"""One policy for all review points, or one for each."""
Line = Annotated[str, Field(max_length=MAX_NAME), BeforeValidator(fields.line)]


class MonthInput(BaseModel):
    """What a person gives to start a month."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    company: Annotated[
        str,
        Field(
            description="The company's name.",
            min_length=1,
            max_length=MAX_NAME,
            examples=["Kavárna U Mlýna"],
        ),
        BeforeValidator(fields.company_name),
    ]
    website: Annotated[
        str,
        Field(
            description="Its public website.",
            pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/]",
            max_length=MAX_ADDRESS,
            examples=["https://www.kavarna.cz"],
        ),
        BeforeValidator(fields.website),
    ]
    month: Annotated[
        str,
        Field(
            description="The month to plan, this one or a later one: YYYY-MM, or this or next.",
            pattern=r"^(\d{4}-(0[1-9]|1[0-2])|this|next)$",
            examples=["2027-01", "next"],
        ),
        BeforeValidator(fields.month),
    ]
    posts: Annotated[
        int,
        Field(description="How many blog posts.", ge=1, le=_MOST_POSTS, examples=[4, 12]),
        BeforeValidator(fields.posts),
    ] = 4
    platforms: Annotated[
        tuple[PlatformCode, ...],
        Field(
            description=_OF_PLATFORMS,
            min_length=1,
            json_schema_extra={"uniqueItems": True},
        ),
        BeforeValidator(fields.chosen_platforms),
    ] = DEFAULT_PLATFORMS
    language: Annotated[
        str,
        Field(
            description="Language of the content, ISO 639-1.", pattern=r"^[a-z]{2}$", examples=["cs", "en"]
        ),
        BeforeValidator(fields.language),
    ] = "cs"
    images: Annotated[
        bool, Field(description="Make images, where the tier has them."), BeforeValidator(bool)
    ] = True
    video: Annotated[bool, Field(description="Make video, where the tier has it."), BeforeValidator(bool)] = (
        True
    )
    videos: Annotated[
        int,
        Field(description="For how many posts a clip is made.", ge=0, le=_MOST_POSTS),
        BeforeValidator(fields.videos),
    ] = 1
    business_field: Annotated[
        Line,
        Field(description="The company's field, if research should not guess.", examples=["pražírna kávy"]),
    ] = ""
    product_type: Annotated[
        Line,
        Field(description="What it sells, if research should not guess.", examples=["výběrová káva"]),
    ] = ""
    time_zone: Annotated[
        str,
        Field(
            description="IANA time zone of the planned dates.", examples=["Europe/Prague", "Europe/London"]
        ),
        BeforeValidator(fields.time_zone),
    ] = "Europe/Prague"
    again: Annotated[
        bool,
        Field(description="Make the month once more where the company has it already."),
        BeforeValidator(bool),
    ] = False


class MonthRequest(MonthInput):
    """A month that can be started. Build it with `parse`, which checks it."""

    tier: Annotated[
        TierName,
        Field(description="basic, pro (with images) or ultimate (with video)."),
    ] = "basic"
    approve: Annotated[
        dict[str, Policy],
        ApproveSchema,
        Field(description="ask or auto, or one of them for each review point."),
        BeforeValidator(fields.policies),
    ] = dict.fromkeys(POINTS, "ask")
    templates: Annotated[
        dict[str, int | str],
        Field(description="Prompt versions or labels by template.", examples=[{"BLOGPOST_GEN_V1": 3}]),
        BeforeValidator(fields.templates),
    ] = {}

    @classmethod
    def stored(cls, kept: Mapping[str, Any]) -> MonthRequest:
        """Read a request that was checked before it was kept, perhaps by an earlier release, as it is."""
        known = {name: kept[name] for name in cls.model_fields if name in kept}
        return cls.model_construct(**{**known, "platforms": tuple(known["platforms"])})

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, as it is kept with the run and given to the graph."""
        return self.model_dump(mode="json")


def parse(given: Mapping[str, Any], *, today: date) -> MonthRequest:
    """Check what was given and fill in defaults.

    Args:
        given: Plain JSON with the field names of `MonthRequest`; only company, website and month are needed. Without
            a tier it is held against the widest, until `in_tier` says which counts.
        today: The day by which a month is in the past, or a moment, which is the day that it is where the company is.

    Raises:
        InvalidInput: A field cannot be used; the message names it and what is allowed.
        LimitExceeded: The tier has fewer posts or platforms.
    """
    asked = {"tier": tier(str(given["tier"])).name} if given.get("tier") else {}
    level = tier(asked["tier"]) if asked else tiers()[-1]
    needed = {name: None for name, field in MonthRequest.model_fields.items() if field.is_required()}
    rest = {name: value for name, value in given.items() if name != "tier"}
    day = fields.day_in(str(given.get("time_zone") or ""), today)
    try:
        return MonthRequest.model_validate({**needed, **rest, **asked}, context=Against(day, level))
    except ValidationError as error:  # what the checks let through and the types do not
        first = error.errors()[0]
        raise InvalidInput(f"The field {first['loc'][0]} cannot be used: {first['msg']}.") from None


def in_tier(request: MonthRequest, own: str | None, *, today: date) -> MonthRequest:
    """Return a request on the tier that counts, held against it.

    Args:
        request: As `parse` returned it.
        own: The tier that the organization was put on; None where each month may ask for one.
        today: The day by which a month is in the past.

    Raises:
        LimitExceeded: It asks for another tier than the organization's, or the tier has fewer posts or platforms.
    """
    if own and "tier" in request.model_fields_set and request.tier != own:
        raise LimitExceeded(
            f"The organization is on the tier {own}, this month asks for {request.tier}.",
            next_step="Leave --tier out, or have it changed with: posthub organizations set-tier NAME TIER",
            tier=own,
        )
    return parse({**request.as_json(), "tier": own or request.tier}, today=today)
