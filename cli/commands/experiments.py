"""``posthub experiments start``, ``status``, ``stop`` and ``promote``: which version of a prompt works better."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cli.editors import Code, Language, Reason, with_experiments
from cli.options import Json
from cli.screen.output import print_json, table
from cli.screen.terminal import Screen, screen
from domain.money import format_usd

if TYPE_CHECKING:
    from app.prompts.experiments import ExperimentStatus
    from prompts.experiments.statistics import Estimate


class Allocation(StrEnum):
    """How companies are spread over the arms."""

    WEIGHTS = "weights"
    THOMPSON = "thompson"


def start(
    code: Code,
    arms: Annotated[
        str, typer.Option(metavar="N:W,N:W", help="Versions and their weights, which sum to 1: 1:0.5,2:0.5.")
    ],
    minimum: Annotated[int, typer.Option(help="Decisions of each arm before there is a verdict.")] = 20,
    begin: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="Starts then (UTC); without it now.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Ends then (UTC), of itself.")] = None,
    allocation: Annotated[
        Allocation, typer.Option(help="weights, or thompson: the arm that does better gets more companies.")
    ] = Allocation.WEIGHTS,
    reason: Reason = "",
    language: Language = "cs",
) -> int:
    """Try versions of a template against each other; the first arm is what the others are held against.

    Each company gets one arm, for as long as the experiment lasts; companies with a version of their own take no
    part. Runs that have started keep their versions.

    Examples:
      posthub experiments start BLOGPOST_GEN_V1 --arms 1:0.5,2:0.5
      posthub experiments start BLOGPOST_GEN_V1 --arms 1:0.8,2:0.2 --minimum 30 --until 2027-03-01
    """
    from app.prompts.experiments import ExperimentSpec, parse_arms, parse_moment

    shown = screen()
    spec = ExperimentSpec(
        parse_arms(arms), allocation.value, minimum, parse_moment(begin), parse_moment(until)
    )
    made = with_experiments(lambda each: each.start(code, language, spec, reason=reason))
    listed = ", ".join(f"{one.name} (version {one.version}, {one.weight:.0%})" for one in made.arms)
    shown.out.print(f"The experiment on {code} ({language}) runs: {listed}.", soft_wrap=True)
    shown.say("See how it goes with: posthub experiments status")
    return 0


def status(
    code: Annotated[
        str | None, typer.Argument(metavar="CODE", help="The template; without it all that run.")
    ] = None,
    language: Language = "cs",
    json: Json = False,
) -> int:
    """Show what experiments have shown so far, with intervals, and a verdict in plain words.

    A figure is followed by its 95 % interval: Wilson's for shares, bootstrap for means. Only what people decided
    counts; what a policy approved says nothing about a prompt.

    Examples:
      posthub experiments status
      posthub experiments status BLOGPOST_GEN_V1 --json
    """
    shown, found = screen(json=json), with_experiments(lambda each: each.status(code, language))
    if json:
        print_json(shown, found.as_json())
        return 0
    if not found.experiments:
        shown.out.print(
            "No experiment runs. Start one with: posthub experiments start CODE --arms 1:0.5,2:0.5"
        )
    for one in found.experiments:
        _print_status(shown, one)
    return 0


def stop(code: Code, reason: Reason = "", language: Language = "cs") -> int:
    """End an experiment; everybody gets again what was in production before.

    Example:
      posthub experiments stop BLOGPOST_GEN_V1 --reason "no difference after two months"
    """
    shown = screen()
    with_experiments(lambda each: each.stop(code, language, reason=reason))
    shown.out.print(f"The experiment on {code} ({language}) has ended; production has not changed.")
    return 0


def promote(
    code: Code,
    arm: Annotated[
        str | None, typer.Option(metavar="ARM", help="B, or the version's number; without it the winner.")
    ] = None,
    reason: Reason = "",
    language: Language = "cs",
) -> int:
    """Put the winner of an experiment into production and end the experiment.

    Without a certain winner name the arm yourself and say why.

    Examples:
      posthub experiments promote BLOGPOST_GEN_V1
      posthub experiments promote BLOGPOST_GEN_V1 --arm B --reason "the tone is what we want"
    """
    shown = screen()
    chosen, seen = with_experiments(lambda each: each.promote(code, language, arm=arm, reason=reason))
    shown.out.print(
        f"{code} ({language}) version {chosen.version} is in production; the experiment has ended.",
        soft_wrap=True,
    )
    shown.say(seen.verdict)
    shown.say(f"Go back with: posthub prompts rollback {code}")
    return 0


_ROWS = {
    "at_once": "Approved at once",
    "after_edits": "Approved after edits",
    "after_rejection": "Approved after rejection",
    "dropped": "Dropped",
    "failed": "Failed",
    "edit_distance": "Words changed",
    "retries_schema": "Asked again for the schema",
    "retries_rules": "Asked again for length and rules",
    "tokens": "Tokens an item",
    "cost_micro": "Cost an item",
    "seconds": "Seconds an item",
}
_SHARES = {"at_once", "after_edits", "after_rejection", "dropped", "failed", "edit_distance"}


def _print_status(shown: Screen, found: ExperimentStatus) -> None:
    one, spread = found.report, found.companies
    experiment = one.experiment
    until = f", until {experiment.ends_at:%Y-%m-%d}" if experiment.ends_at else ""
    title = f"{experiment.code} ({experiment.language}): {experiment.status}, since {experiment.starts_at:%Y-%m-%d}"
    shown.out.print(f"{title}{until}, {experiment.allocation}", style="bold", soft_wrap=True)
    names = [f"{each.arm.name} (version {each.arm.version})" for each in one.arms]
    made = table("", *names, right=names)
    made.add_row("Weight", *(f"{each.arm.weight:.0%}" for each in one.arms))
    made.add_row("Companies", *(str(list(spread.values()).count(each.arm.name)) for each in one.arms))
    made.add_row("Decisions", *(f"{each.decided} of {experiment.minimum}" for each in one.arms))
    for key, name in _ROWS.items():
        figures = [each.shares.get(key) or each.means.get(key) for each in one.arms]  # type: ignore[call-overload]
        made.add_row(name, *(_figure(key, figure) for figure in figures))
    shown.out.print(made)
    shown.out.print(one.verdict, soft_wrap=True)
    shown.out.print()


def _figure(key: str, found: Estimate | None) -> str:
    if found is None:
        return "–"
    value, low, high = (_number(key, each) for each in (found.value, found.low, found.high))
    return f"{value} ({low}–{high})"


def _number(key: str, value: float) -> str:
    if key in _SHARES:
        return f"{value:.0%}"
    if key == "cost_micro":
        return format_usd(round(value))
    return f"{value:.0f}" if key == "tokens" else f"{value:.2f}"
