"""What a month will cost, said before anything is spent.

Expected: what this company's calls have used so far, else what is typical (`data/quote.json`), at today's prices
of the first choice of each purpose. Worst: every step takes all the rounds that it may, each call its whole token
limit, at the dearest model of its chain. Neither counts what an editor sends back, nor calls that fail.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.money.quotes import ComparedQuote, Quote, QuoteLine, compared, tasks
from domain.errors import InvalidInput, UnknownPrice
from domain.month_request import MonthRequest, in_tier
from domain.stages import named
from domain.tiers import tier
from gateway.config import Deployment, GatewayConfig
from nodes.media import VIDEO_SECONDS, aspects
from prompts.files import TemplateFile
from prompts.registry import Prompts
from store.content.tenants import Tenants
from store.money.prices import PriceBook, Prices, Tariff, Units, today
from store.money.usage import KeptQuote, Typical, UsageRecords
from store.schema.prompts import EVERY_COMPANY, SHARED

_TOPICS_IN_A_CALL = 6
_ENOUGH = 3
"""Calls of a template from which a company's own average says more than the typical one."""


@dataclass(frozen=True, slots=True)
class _Way:
    """A deployment that can serve a task: what a call of it is expected to use, and the most it can."""

    deployment: Deployment
    expected: Units
    most: Units


class Quoter:
    """Quotes months.

    Args:
        config: Providers and models.
        prices: Today's prices.
        prompts: Says each template's token limit.
    """

    def __init__(self, config: GatewayConfig, prices: PriceBook, prompts: Prompts) -> None:
        self._config = config
        self._prices = prices
        self._prompts = prompts

    async def quote(
        self,
        request: MonthRequest,
        typical: Mapping[str, Typical],
        *,
        organization: str = SHARED,
        company: str = EVERY_COMPANY,
    ) -> Quote:
        """Quote a month.

        Args:
            request: What is asked for.
            typical: What this company's calls have used so far, by template.
            organization: Whose versions of the templates count.
            company: The company's id; its arm of an experiment is not recorded yet.

        Raises:
            UnknownPrice: No model of a step's chain has a price; says how to add one.
            InvalidInput: No provider is configured for a step.
            NotFound: A template, version or label that is asked for does not exist.
        """
        chosen = await self._prompts.resolve(
            request.language,
            organization=organization,
            company=company,
            wanted=request.templates,
            record=False,
        )
        counts = _counts(request)
        left_out = self._leave_out(counts)
        lines: dict[tuple[str, str], QuoteLine] = {}
        for name, task in tasks().items():
            calls = counts.get(task["calls"], 0) if not task["calls"].isdigit() else int(task["calls"])
            if not calls or (name == "search" and not self._config.serves("search")):
                continue
            code = task.get("template", "")
            template = chosen[code].version.template if code else None
            ways = self._ways(name, task, template, typical.get(code))
            line = self._line(task, calls, ways)
            key = (line.step, line.provider)
            lines[key] = _sum(lines[key], line) if key in lines else line
        learned = sorted(code for code, known in typical.items() if known.calls >= _ENOUGH)
        return Quote(tuple(lines.values()), tuple(learned), left_out)

    def _leave_out(self, counts: dict[str, int]) -> tuple[str, ...]:
        """Take out of the counts what no configured provider makes; returns it in words."""
        missing = [
            each for each in ("image", "video") if counts[f"{each}s"] and not self._config.serves(each)
        ]
        counts |= {f"{each}s": 0 for each in missing}
        counts["briefs"] *= bool(counts["images"] or counts["videos"])
        return tuple(str(self._config.lack_of(each)) for each in missing)

    def _line(self, task: Mapping[str, Any], calls: int, ways: Sequence[_Way]) -> QuoteLine:
        priced = [(way, tariff) for way in ways if (tariff := self._tariff(way)) is not None]
        if not priced:
            first = ways[0].deployment
            self._prices.tariff(first.provider, first.model, today()).upper_bound(ways[0].most)
        first_way, first_tariff = priced[0]
        worst = max(tariff.upper_bound(way.most) for way, tariff in priced)
        stage = named(task["stage"])
        return QuoteLine(
            step=stage.name,
            node=stage.booked_as,
            provider=first_way.deployment.provider,
            calls=calls,
            expected_micro=first_tariff.cost(first_way.expected) * calls,
            worst_micro=worst * calls * int(task["most_calls"]),
        )

    def _tariff(self, way: _Way) -> Tariff | None:
        """Return a deployment's prices, or None where a call of it would be refused."""
        try:
            tariff = self._prices.tariff(way.deployment.provider, way.deployment.model, today())
            tariff.upper_bound(way.most)
        except UnknownPrice:
            return None
        return tariff

    def _ways(
        self, name: str, task: Mapping[str, Any], template: TemplateFile | None, known: Typical | None
    ) -> list[_Way]:
        if name == "images":
            return [self._image(each, task) for each in self._config.images()]
        if name == "video":
            return [self._video(each, task) for _, each in self._config.videos()]
        assert template is not None, "every task but images and video has a template"
        learned = known is not None and known.calls >= _ENOUGH
        expected = {
            "input": math.ceil(known.input_tokens) if known and learned else task["input"],
            "output": math.ceil(known.output_tokens) if known and learned else task["output"],
        }
        most = {"input": task["most_input"], "output": template.max_tokens}
        return [
            self._searched(each, expected, most)
            if template.purpose == "search"
            else _Way(each, expected, most)
            for each in self._config.chain(template.purpose)
        ]

    def _searched(self, model: Deployment, expected: Mapping[str, int], most: Mapping[str, int]) -> _Way:
        facts = self._config.models.of(model)
        all_of_it = {"input": most["input"] + facts["context_tokens"], "search": facts["max_searches"]}
        return _Way(model, {**expected, "search": 1}, {**most, **all_of_it})

    def _image(self, model: Deployment, task: Mapping[str, Any]) -> _Way:
        facts = self._config.models.of(model)
        if "max_output_tokens" not in facts:
            return _Way(model, {"image": 1}, {"image": 1})
        expected = {"input": task["input"], "image_token": task["image_token"]}
        return _Way(model, expected, {"input": task["most_input"], "image_token": facts["max_output_tokens"]})

    def _video(self, model: Deployment, task: Mapping[str, Any]) -> _Way:
        facts = self._config.models.of(model)
        shortest, longest = facts["seconds"]
        seconds = min(max(VIDEO_SECONDS, shortest), longest)
        by_token = facts.get("video_tokens_per_second")
        if not by_token:
            return _Way(model, {"second": seconds}, {"second": seconds})
        film = {"video_token": by_token * seconds}
        most = {"input": task["most_input"], "output": facts["max_output_tokens"]}
        return _Way(model, {"input": task["input"], "output": task["output"], **film}, {**most, **film})


class Quotes:
    """Quotes months of one organization by what is known of its companies; buys nothing."""

    def __init__(
        self,
        organization: str,
        *,
        config: GatewayConfig,
        prompts: Prompts,
        prices: Prices,
        usage: UsageRecords,
        tenants: Tenants,
    ) -> None:
        self._organization = organization
        self._config = config
        self._prompts = prompts
        self._prices = prices
        self._usage = usage
        self._tenants = tenants

    async def quote(self, request: MonthRequest) -> Quote:
        """Say what a month will cost. Raises as `granted` and as `Quoter.quote`."""
        request, whose = await self.granted(request), self._organization
        typical = await self._usage.typical(whose, request.company)
        company = await self._tenants.id_of(whose, request.company)
        quoter = Quoter(self._config, await self._prices.book(), self._prompts)
        return await quoter.quote(request, typical, organization=whose, company=company)

    async def granted(self, request: MonthRequest) -> MonthRequest:
        """Return a request on the organization's tier. Raises as `domain.month_request.in_tier`."""
        own = await self._tenants.tier_of(self._organization)
        return in_tier(request, own, today=today())

    async def keep(self, request: MonthRequest, run_id: str) -> None:
        """Keep what a run will cost; nothing where a step has no price or provider, which is said when it comes."""
        try:
            quote = await self.quote(request)
        except (UnknownPrice, InvalidInput):
            return
        await self._usage.keep_quote(self._organization, run_id, kept(quote))

    async def compared(self, run_id: str) -> ComparedQuote | None:
        """Return a run's quote against what it has cost; None for a run without one."""
        return await compared(self._usage, self._organization, run_id)


def kept(quote: Quote) -> KeptQuote:
    """Return a quote as it is kept with its run."""
    return KeptQuote(quote.expected_micro, quote.worst_micro, [asdict(line) for line in quote.lines])


def _counts(request: MonthRequest) -> dict[str, int]:
    level = tier(request.tier)
    images = request.images and level.images
    videos = min(request.videos, request.posts) if request.video and level.video else 0
    shapes = aspects(list(request.platforms))
    return {
        "topic_batches": math.ceil(request.posts / _TOPICS_IN_A_CALL),
        "posts": request.posts,
        "posts_platforms": request.posts * len(request.platforms),
        "briefs": request.posts if images else videos,
        "images": request.posts * len(shapes) if images else 0,
        "videos": videos,
    }


def _sum(one: QuoteLine, other: QuoteLine) -> QuoteLine:
    return QuoteLine(
        one.step,
        one.node,
        one.provider,
        one.calls + other.calls,
        one.expected_micro + other.expected_micro,
        one.worst_micro + other.worst_micro,
    )
