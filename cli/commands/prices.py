"""``posthub prices``: what providers charge, as dated rows."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from csv import DictWriter
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from app.money.prices import FIELDS, PriceRows, own_row, parse_day, read_rows, row_as_json
from cli.options import Json
from cli.screen.output import print_json, table
from cli.screen.terminal import Screen, screen
from cli.screen.text import clean
from cli.session import opened_books, read_settings, run_async
from gateway.providers.registry import by_key_alone

if TYPE_CHECKING:
    from app.money.prices import PriceList

T = TypeVar("T")

Provider = Annotated[str | None, typer.Option(metavar="NAME", help="Of this provider alone.")]
Model = Annotated[str | None, typer.Option(metavar="NAME", help="Of this model alone.")]
Source = Annotated[
    str, typer.Argument(metavar="FILE|litellm", help="JSON or CSV, or the map that LiteLLM brings along.")
]


def show(
    provider: Provider = None,
    model: Model = None,
    on: Annotated[
        str | None, typer.Option(metavar="DATE", help="What holds on this day; without it every row.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV, as `prices import` reads it.")] = False,
    json: Json = False,
) -> int:
    """List the price rows. A ledger row names the ones that it was booked with, so none of them ever changes.

    Examples:
      posthub prices list --provider gemini --on 2026-11-22
      posthub prices list --csv > prices.csv
    """
    day = parse_day(on, "on") if on else None
    shown, found = _with_prices(lambda prices: prices.rows(provider=provider, model=model, day=day), json)
    _print(shown, found, csv=csv)
    return 0


def load(
    source: Source,
    valid_from: Annotated[
        str | None,
        typer.Option("--from", metavar="DATE", help="For litellm: from this day; without it today."),
    ] = None,
    json: Json = False,
) -> int:
    """Add price rows from a file, or from LiteLLM's map; all of them or none.

    A file has rows with provider, model, unit, usd_per, per, valid_from and source, and perhaps list and
    valid_to. Where lists differ, a list of your own counts before the vendors', the brief's and LiteLLM's.

    Examples:
      posthub prices import litellm
      posthub prices import our-prices.csv
    """
    rows = read_rows(source, parse_day(valid_from, "from") if valid_from else None)
    shown, found = _with_prices(lambda prices: prices.add(rows), json)
    _say(shown, found.as_json(), f"{found.added} of {found.read} rows are new.")
    return 0


def add(
    provider: Annotated[str, typer.Option(metavar="NAME", help=f"{', '.join(by_key_alone())} …")],
    model: Annotated[str, typer.Option(metavar="NAME", help="As the provider calls it.")],
    unit: Annotated[str, typer.Option(help="input, cached_input, output, thinking, image, second, search …")],
    usd: Annotated[str, typer.Option(metavar="AMOUNT", help="In USD, for so many units as --per says.")],
    source: Annotated[str, typer.Option(metavar="WHERE", help="Where the price is written.")],
    per: Annotated[str, typer.Option(metavar="COUNT", help="1, 1000 or 1000000 units.")] = "1",
    valid_from: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="From this day; without it today.")
    ] = None,
    json: Json = False,
) -> int:
    """Add one price, to the list `own`, which counts before all others.

    Example:
      posthub prices add --provider gemini --model gemini-4-argon --unit output --usd 10 --per 1000000 \
          --source https://ai.google.dev/pricing --from 2026-12-01
    """
    row = own_row(
        parse_day(valid_from, "from") if valid_from else None,
        provider=provider,
        model=model,
        unit=unit,
        usd_per=usd,
        per=per,
        source=source,
    )
    shown, found = _with_prices(lambda prices: prices.add_one(row), json)
    _say(shown, found.as_json(), "Added." if found.added else "It was there already.")
    return 0


def diff(
    source: Source = "litellm",
    json: Json = False,
) -> int:
    """Compare today's prices with a file or with LiteLLM's map; nothing is changed.

    Examples:
      posthub prices diff
      posthub prices diff our-prices.csv --json
    """
    rows = read_rows(source)
    shown, found = _with_prices(lambda prices: prices.differences(source, rows), json)
    if shown.json:
        print_json(shown, found.as_json())
        return 0
    made = table("Provider", "Model", "Unit", "Here", "There", right=("Here", "There"))
    for each in found.differences:
        made.add_row(each.provider, each.model, each.unit, each.here, each.there)
    shown.out.print(made if found.differences else "No differences.")
    return 0


def _with_prices(asked: Callable[[PriceList], Coroutine[Any, Any, T]], json: bool) -> tuple[Screen, T]:
    shown, settings = screen(json=json), read_settings()

    async def work() -> T:
        async with opened_books(settings, prices=True) as books:
            return await asked(books.prices)

    return shown, run_async(work())


def _say(shown: Screen, value: dict[str, Any], words: str) -> None:
    if shown.json:
        print_json(shown, value)
    else:
        shown.out.print(words)


def _print(shown: Screen, found: PriceRows, *, csv: bool) -> None:
    rows = [row_as_json(row) for row in found.rows]
    if shown.json:
        print_json(shown, found.as_json())
        return
    if csv:
        writer = DictWriter(shown.out.file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return
    made = table("Model", "Unit", "USD", "per", "From", "To", "List", right=("USD", "per"))
    for row in rows:
        cells = (row[name] for name in ("unit", "usd_per", "per", "valid_from", "valid_to", "list"))
        made.add_row(clean(f"{row['provider']}/{row['model']}"), *map(clean, cells))
    shown.out.print(made if rows else "There is no such price row.")
