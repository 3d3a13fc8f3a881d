"""Words, numbers, dates and money in the language of the page, from its table of labels."""

from __future__ import annotations

from datetime import date

from domain.money import to_usd
from exports.formats.article import Labels
from exports.package.names import iso_day
from exports.sanitize import one_line, visible


class Wording:
    """Words, numbers and dates in the page's language."""

    def __init__(self, labels: Labels) -> None:
        self._labels = labels

    def named(self, table: str, key: object) -> str:
        """Return the label of a code, or the code itself where the table does not know it."""
        return str(self._labels["names"].get(table, {}).get(str(key), one_line(key).replace("_", " ")))

    def number(self, value: float | int) -> str:
        """Return a number with the language's thousands separator and decimal mark."""
        text = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}".removesuffix(".0")
        marks = {",": self._labels["number"]["thousands"], ".": self._labels["number"]["decimal"]}
        return "".join(marks.get(letter, letter) for letter in text)

    def counted(self, noun: str, count: int) -> str:
        """Return the noun in the form that the number asks for (one, few, many)."""
        one, few, many = self._labels["nouns"][noun]
        if count == 1:
            return str(one)
        return str(few if count in range(2, 5) else many)

    def money(self, micro: int, *, exact: bool = False) -> str:
        """Return an amount in USD; ``exact`` shows every micro-dollar."""
        usd = to_usd(micro)
        text = f"{usd:.6f}" if exact else (f"{usd:.2f}" if abs(usd) >= 1 or micro == 0 else f"{usd:.4f}")
        return str(self._labels["number"]["money"]).format(
            text.replace(".", self._labels["number"]["decimal"])
        )

    def month(self, month: str) -> str:
        year, number = month.split("-")
        return f"{self._labels['months'][int(number) - 1]} {year}"

    def day(self, iso: str) -> str:
        """Return a date in words; what is no date stays as it is."""
        if iso_day(iso) == "undated":
            return str(self._labels["calendar"]["undated"])
        found = date.fromisoformat(iso)
        months = self._labels["months_of"]
        return str(self._labels["number"]["date"]).format(
            weekday=self._labels["weekdays_long"][found.weekday()],
            day=found.day,
            month=months[found.month - 1],
            year=found.year,
        )

    def short_day(self, iso: str) -> str:
        """Return day and month in digits; what is no date becomes an empty string."""
        if iso_day(iso) == "undated":
            return ""
        found = date.fromisoformat(iso)
        return str(self._labels["number"]["short_date"]).format(day=found.day, month=found.month)

    def moment(self, iso: str) -> str:
        """Return a moment (ISO 8601, UTC) as date and time."""
        return visible(iso)[:16].replace("T", " ") + " UTC"
