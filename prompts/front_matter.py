"""A template's front matter: YAML without its traps, and what has to stand in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import yaml

from domain.caching import longest_seconds
from domain.errors import InvalidInput
from domain.text import nearest
from store.text import storable_json

HEAD = ("code", "name", "type", "language", "purpose", "temperature", "max_tokens")
OPTIONAL = ("cache_seconds", "output")
PURPOSES = ("search", "research", "text", "writing")
"""Chains of models; which models they are is the gateway's configuration."""
OUTPUTS = ("text", "dna", "personas", "topics", "post", "social", "visual")
"""Schemas of the domain that answers are held against; the steps build them for each call."""

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "text": str,
    "number": (int, float),
    "boolean": bool,
    "list": list,
    "object": dict,
}
_CODE = re.compile(r"[A-Z][A-Z0-9_]{2,60}")
_LANGUAGE = re.compile(r"[a-z]{2}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_MOST_TOKENS = 200_000


def load_yaml(text: str) -> dict[str, Any]:
    """Read front matter.

    Raises:
        InvalidInput: It is no mapping of plain data; line and column are the file's.
    """
    try:
        front = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 2}, column {mark.column + 1}: " if mark else ""
        place = {"line": mark.line + 2, "column": mark.column + 1} if mark else {}
        raise unusable(
            "file", f"its front matter is no YAML, {where}{error.problem or 'it cannot be read'}", **place
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise unusable("file", f"its front matter is no YAML: {str(error).splitlines()[0][:200]}") from error
    if not isinstance(front, dict) or not isinstance(front.get("variables", {}), dict):
        raise unusable("file", "its front matter is no list of fields")
    cleaned: dict[str, Any] = storable_json(_plain(front))
    return cleaned


def validate(front: Mapping[str, Any]) -> None:
    """Check that front matter is whole.

    Raises:
        InvalidInput: Something is missing or cannot be used; says what.
    """
    code = str(front.get("code", "?"))[:60]
    missing = [name for name in (*HEAD, "variables") if name not in front]
    if missing:
        raise unusable(code, f"its front matter lacks {', '.join(missing)}")
    unknown = set(front) - {*HEAD, *OPTIONAL, "variables"}
    if unknown:
        raise unusable(code, f"its front matter has the unknown field {_with_hint(min(unknown), front)}")
    if not _CODE.fullmatch(str(front["code"])) or not _LANGUAGE.fullmatch(str(front["language"])):
        raise unusable(code, "its code or language is not written as PERSONA_GEN_V1 and cs are")
    _check_head(code, front)
    for name, about in front["variables"].items():
        _check_variable(code, name, about)


def _check_head(code: str, front: Mapping[str, Any]) -> None:
    temperature, tokens = front["temperature"], front["max_tokens"]
    seconds, longest = front.get("cache_seconds"), longest_seconds(str(front["purpose"]))
    rules = {
        "name": bool(str(front["name"] or "").strip()),
        "type": isinstance(front["type"], str),
        f"purpose, one of {', '.join(PURPOSES)}": front["purpose"] in PURPOSES,
        f"output, one of {', '.join(OUTPUTS)}": front.get("output", "text") in OUTPUTS,
        "temperature, null or 0 to 2": temperature is None
        or (_number(temperature) and 0 <= temperature <= 2),
        f"max_tokens, 1 to {_MOST_TOKENS}": _whole(tokens) and 1 <= tokens <= _MOST_TOKENS,
        f"cache_seconds, null or 0 to {longest} (its purpose is {front['purpose']})": seconds is None
        or (_whole(seconds) and 0 <= seconds <= longest),
    }
    for what, holds in rules.items():
        if not holds:
            raise unusable(code, f"its front matter needs a {what}")


def _check_variable(code: str, name: Any, about: Any) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise unusable(code, f"its variable {str(name)[:60]!r} is not written as company_dna is")
    if not isinstance(about, dict) or not {"type", "description", "example"} <= set(about):
        raise unusable(code, f"its variable {name} lacks a type, a description or an example")
    kind = about["type"]
    if kind not in _TYPES:
        raise unusable(code, f"its variable {name} has a type other than {', '.join(_TYPES)}")
    example = about["example"]
    fits = isinstance(example, _TYPES[kind]) and (kind == "boolean" or not isinstance(example, bool))
    if example is not None and not fits:
        raise unusable(code, f"the example of its variable {name} is no {kind}")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _with_hint(name: Any, front: Mapping[str, Any]) -> str:
    meant = nearest(str(name), [*HEAD, *OPTIONAL, "variables"])
    return f"{str(name)[:60]!r}" + (f" (did you mean {meant!r}?)" if meant and meant not in front else "")


class _Loader(yaml.SafeLoader):
    """No aliases, which make much out of little, and no field twice, of which one would be lost."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "anchors and aliases are not allowed", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the field {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


class _Dumper(yaml.SafeDumper):
    """Writes every value where it stands, in one order: an anchor or an order of chance would not be exact."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def dump_yaml(value: dict[str, Any]) -> str:
    """Variables are sorted, because the database keeps no order of fields."""
    return yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys="variables" in value, width=110)


def _plain(value: Any) -> Any:
    """A date without quotes is meant as it is written."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return value


def unusable(code: str, why: str, **details: Any) -> InvalidInput:
    return InvalidInput(
        f"The template {code} cannot be used: {why}.", next_step="Compare it with a shipped one.", **details
    )
