"""An item's fields as YAML, for a person's editor."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import yaml

from domain.content.edits import FIXED
from domain.errors import InvalidInput

_FIRST = (
    *("title", "characterName", "heading", "question", "subtitle", "slug", "metaTitle", "metaDescription"),
    *("description", "textContent", "sections", "faqs", "keyTakeaways"),
)
_HEAD = """\
# {title}
# Change what you like, then save and close. What stays as it is, stays as it is.
"""


def editable(point: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that a person may change; what is counted or made elsewhere is left out."""
    hidden = {"id", "token", *FIXED.get(point, {})}
    shown = {
        key: value for key, value in fields.items() if key not in hidden and (key, value) != ("raw", None)
    }
    return dict(_in_reading_order(shown))


def _in_reading_order(value: Any) -> Any:
    """Put a heading before its text: PostgreSQL keeps JSON's keys in an order of its own."""
    if isinstance(value, list):
        return [_in_reading_order(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    keys = sorted(value, key=lambda key: _FIRST.index(key) if key in _FIRST else len(_FIRST))
    return {key: _in_reading_order(value[key]) for key in keys}


def as_yaml(title: str, fields: Mapping[str, Any]) -> str:
    body = yaml.dump(dict(fields), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=100)
    return _HEAD.format(title=" ".join(title.split())) + "\n" + body


def changes(before: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Return the fields that a person changed; of mappings within, only what changed in them.

    Raises:
        InvalidInput: The text is no YAML mapping, or has a field that was not there; names line and column.
    """
    after = _parsed(text)
    unknown = [str(key) for key in after if key not in before]
    if unknown:
        raise InvalidInput(f"There is no field {unknown[0]!r}.", next_step=f"Fields: {', '.join(before)}.")
    return _changed(before, after)


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    changed = {}
    for key, value in after.items():
        old = before.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            value = _changed(old, value)
            if value:
                changed[key] = value
        elif value != old:
            changed[key] = value
    return changed


def _parsed(text: str) -> dict[str, Any]:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInput(
            f"This is no YAML: {_where(error)}.", next_step="Open it again and mend it."
        ) from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidInput("This is no list of fields.", next_step="Keep the form 'field: value'.")
    return {str(key): _plain(each) for key, each in value.items()}


def _where(error: Any) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem


def _plain(value: Any) -> Any:
    """Turn YAML's dates back into text: a person who drops the quotes means the same."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    return value


class _Dumper(yaml.SafeDumper):
    """Writes long texts as blocks, which can be edited like text."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else ">" if len(value) > 100 else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
