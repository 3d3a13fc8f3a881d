"""``posthub prices``: what providers charge, as dated rows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import Json
from gateway.providers.registry import by_key_alone

if TYPE_CHECKING:
    from datetime import date

    from cli.screen.terminal import Screen
    from store.money.prices import PriceBook, PriceRow

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
    day = _day(on, "on") if on else None

    async def read(prices: Any) -> list[PriceRow]:
        return _chosen((await prices.book()), provider, model, day)

    shown, rows = _with_prices(read, json=json)
    _print(shown, rows, csv=csv)
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
    rows = _read(source, valid_from)

    async def add(prices: Any) -> int:
        added: int = await prices.add(rows)
        return added

    shown, added = _with_prices(add, json=json)
    _say(shown, {"read": len(rows), "added": added}, f"{added} of {len(rows)} rows are new.")
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
    from store.money.price_rows import parse_row

    given = {"list": "own", "provider": provider, "model": model, "unit": unit, "usd_per": usd, "per": per}
    first = _day(valid_from, "from") if valid_from else _today()
    row = parse_row(given | {"valid_from": first.isoformat(), "source": source})

    async def write(prices: Any) -> int:
        added: int = await prices.add([row])
        return added

    shown, added = _with_prices(write, json=json)
    _say(shown, {"added": added, "id": row.id}, "Added." if added else "It was there already.")
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
    rows = _read(source, None)

    async def compare(prices: Any) -> list[dict[str, str]]:
        return differences(await prices.book(), rows, _today())

    shown, found = _with_prices(compare, json=json)
    if shown.json:
        _say(shown, {"source": source, "differences": found}, "")
        return 0
    from cli.screen.output import table

    made = table("Provider", "Model", "Unit", "Here", "There", right=("Here", "There"))
    for each in found:
        made.add_row(*(each[name] for name in ("provider", "model", "unit", "here", "there")))
    shown.out.print(made if found else "No differences.")
    return 0


def differences(book: PriceBook, rows: Iterable[PriceRow], day: date) -> list[dict[str, str]]:
    """Return where rows say something else than what holds here on a day; models that are not here are left out."""
    from domain.errors import UnknownPrice

    found = []
    for row in rows:
        try:
            here = {each.unit: each for each in book.tariff(row.provider, row.model, day).rows}
        except UnknownPrice:
            continue
        mine = here.get(row.unit)
        if mine is None or mine.usd_per / mine.per != row.usd_per / row.per:
            there = f"{row.usd_per.normalize():f}/{row.per.normalize():f}"
            known = f"{mine.usd_per.normalize():f}/{mine.per.normalize():f}" if mine else "–"
            found.append(
                {
                    "provider": row.provider,
                    "model": row.model,
                    "unit": row.unit,
                    "here": known,
                    "there": there,
                }
            )
    return found


def _read(source: str, valid_from: str | None) -> list[PriceRow]:
    from store.money.price_rows import read_price_file

    if source != "litellm":
        return read_price_file(Path(source).expanduser())
    from gateway.providers.litellm.prices import litellm_rows

    return litellm_rows(_day(valid_from, "from") if valid_from else _today())


def _today() -> date:
    from store.money.prices import today

    return today()


def _day(value: str, field: str) -> date:
    from datetime import date

    from domain.errors import InvalidInput

    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise InvalidInput(
            f"The day {value[:40]!r} is not of the form YYYY-MM-DD.",
            next_step="Use, say, 2026-11-22.",
            field=field,
        ) from error


def _with_prices(work: Any, *, json: bool) -> tuple[Screen, Any]:
    from cli.screen.terminal import screen
    from cli.session import opened_database, read_settings, run_async

    shown, settings = screen(json=json), read_settings()

    async def opened() -> Any:
        from gateway.providers.prices import shipped_prices
        from store.money.prices import Prices

        async with opened_database(settings) as database:
            prices = Prices(database)
            await prices.load_shipped(shipped_prices())
            return await work(prices)

    return shown, run_async(opened())


def _chosen(book: PriceBook, provider: str | None, model: str | None, day: date | None) -> list[PriceRow]:
    rows = [row for row in book.rows() if provider in {None, row.provider} and model in {None, row.model}]
    if day is None:
        return rows
    holding = {
        price
        for key in {(row.provider, row.model) for row in rows if row.holds_on(day)}
        for price in book.tariff(*key, day).price_ids
    }
    return [row for row in rows if row.id in holding]


def _say(shown: Screen, value: dict[str, Any], words: str) -> None:
    from cli.screen.output import print_json

    if shown.json:
        print_json(shown, value)
    else:
        shown.out.print(words)


FIELDS = ("list", "provider", "model", "unit", "usd_per", "per", "valid_from", "valid_to", "source")


def row_json(row: PriceRow) -> dict[str, str]:
    """Return a row as `prices import` reads it."""
    values = (
        row.list_name,
        row.provider,
        row.model,
        row.unit,
        f"{row.usd_per.normalize():f}",
        f"{row.per.normalize():f}",
        row.valid_from.isoformat(),
        row.valid_to.isoformat() if row.valid_to else "",
        row.source,
    )
    return dict(zip(FIELDS, values, strict=True))


def _print(shown: Screen, rows: list[PriceRow], *, csv: bool) -> None:
    from csv import DictWriter

    from cli.screen.output import print_json, table
    from cli.screen.text import clean

    if shown.json:
        print_json(shown, {"rows": [row_json(row) for row in rows]})
        return
    if csv:
        writer = DictWriter(shown.out.file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(row_json(row) for row in rows)
        return
    made = table("Model", "Unit", "USD", "per", "From", "To", "List", right=("USD", "per"))
    for row in rows:
        cells = row_json(row)
        shown_cells = (cells[name] for name in ("unit", "usd_per", "per", "valid_from", "valid_to", "list"))
        made.add_row(clean(f"{row.provider}/{row.model}"), *map(clean, shown_cells))
    shown.out.print(made if rows else "There is no such price row.")
