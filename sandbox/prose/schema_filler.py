"""Makes a value for any JSON Schema, with text that suits the names of its fields.

Understands type (also lists of types and Google's upper-case OpenAPI subset), nullable, enum, const, anyOf, oneOf,
allOf, $ref with $defs, properties, required, additionalProperties, minProperties, items, prefixItems, minItems,
maxItems, uniqueItems, minLength, maxLength, pattern, format, minimum, maximum (also exclusive), multipleOf.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.prose.brief import Brief
from sandbox.prose.fields import kind_of, usual_range
from sandbox.prose.json_schema import Schema, additional, is_null, length_limit, merge, rank, type_of
from sandbox.prose.phrases import Subject
from sandbox.prose.strings import Strings
from sandbox.prose.words import Theme, rule
from sandbox.seeds import normalise

_DEEP = 3
_INTRO_LIKE = frozenset({"intro", "introduction", "úvod", "uvod", "perex"})
_OUTRO_LIKE = frozenset({"conclusion", "závěr", "zaver", "outro", "summary"})


@dataclass(frozen=True)
class Place:
    """Where a value stands: its path, the list it is an item of, what it is about, how deep it refers to itself."""

    path: str
    name: str
    subject: Subject
    list_path: str = ""
    index: int = 0
    count: int = 1
    neighbours: frozenset[str] = frozenset()
    refs: tuple[str, ...] = ()

    @property
    def deep(self) -> bool:
        return bool(self.refs) and max(self.refs.count(ref) for ref in self.refs) >= _DEEP


@dataclass
class SchemaFiller:
    """Fills one schema for one prompt."""

    schema: Schema
    brief: Brief
    strings: Strings = field(init=False)
    _taken: dict[str, set[str]] = field(default_factory=dict)
    _facts: dict[str, Any] = field(default_factory=dict)
    """Values of the outermost object, which items of its lists may name."""

    def __post_init__(self) -> None:
        self.strings = Strings(self.brief)

    def value(self) -> Any:
        """The value for the whole schema."""
        return self._value(self.schema, Place("", "", Subject("")))

    def _rng(self, *path: object) -> random.Random:
        return self.strings.writer.rng("schema", *path)

    # -- structure ---------------------------------------------------------------------------------------------

    def _value(self, schema: Any, place: Place) -> Any:
        if not isinstance(schema, Mapping):
            schema = {}
        schema, place = self._resolve(schema, place)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._enum(list(schema["enum"]), place)
        if self._unknown(schema, place):
            return [] if type_of(schema, False) == "array" else None
        makers: dict[str, Callable[[Schema, Place], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._number,
            "number": self._number,
            "boolean": lambda _, where: self._rng(where.path).random() < 0.4,
            "null": lambda _, __: None,
        }
        return makers[type_of(schema, place.deep)](schema, place)

    def _unknown(self, schema: Schema, place: Place) -> bool:
        """Whether the schema allows leaving a fact out and the prompt does not have it."""
        if not rule("may_be_missing").search(str(schema.get("description") or "")):
            return False
        kind = schema.get("type")
        nullable = isinstance(kind, list) and "null" in kind
        may_be_empty = kind == "array" and not schema.get("minItems")
        return (nullable or may_be_empty) and self.strings.stated(place) == []

    def _resolve(self, schema: Schema, place: Place) -> tuple[Schema, Place]:
        """Follow references and merge combinations until a plain schema is left."""
        for _ in range(30):
            if "$ref" in schema:
                ref = str(schema["$ref"])
                place = replace(place, refs=(*place.refs, ref))
                schema = merge(self._lookup(ref), {key: val for key, val in schema.items() if key != "$ref"})
            elif "allOf" in schema:
                parts = [self._resolve(part, place)[0] for part in schema["allOf"]]
                schema = {key: val for key, val in schema.items() if key != "allOf"}
                for part in parts:
                    schema = merge(schema, part)
            elif branches := schema.get("anyOf") or schema.get("oneOf"):
                rest = {key: val for key, val in schema.items() if key not in ("anyOf", "oneOf")}
                schema = merge(rest, self._branch(branches, place))
            else:
                break
        return schema, place

    def _branch(self, branches: Sequence[Any], place: Place) -> Schema:
        """One of the alternatives: not null unless the schema has gone in circles."""
        null = [one for one in branches if isinstance(one, Mapping) and is_null(one)]
        real = [one for one in branches if one not in null]
        if not real or (place.deep and null):
            return null[0] if null else {}
        chosen = real[0] if place.deep or len(real) == 1 else self._rng("branch", place.path).choice(real)
        return chosen if isinstance(chosen, Mapping) else {}

    def _lookup(self, ref: str) -> Schema:
        target: Any = self.schema
        for part in ref.removeprefix("#").strip("/").split("/"):
            if part:
                part = part.replace("~1", "/").replace("~0", "~")
                target = target[int(part)] if isinstance(target, list) else target.get(part, {})
        return target if isinstance(target, Mapping) else {}

    def _object(self, schema: Schema, place: Place) -> dict[str, Any]:
        properties: Schema = schema.get("properties") or {}
        required = [str(name) for name in schema.get("required") or []]
        names = required + [name for name in properties if name not in required and not place.deep]
        subject = self._subject(properties, place)
        inner = replace(place, subject=subject, neighbours=frozenset(properties))
        made: dict[str, Any] = {}
        # what is given comes first: it says what the texts beside it are about
        for name in sorted(names, key=lambda one: rank(properties.get(one))):
            where = replace(inner, path=f"{place.path}/{name}", name=name)
            made[name] = self._value(properties.get(name, additional(schema)), where)
            self._learn(subject, name, made[name], properties.get(name))
            if not place.path:
                self._facts[name] = made[name]
        for number in range(len(made), int(schema.get("minProperties") or 0)):
            name = f"key{number + 1}"
            made[name] = self._value(
                additional(schema), replace(inner, path=f"{place.path}/{name}", name=name)
            )
        return {
            name: made[name]
            for name in sorted(made, key=lambda one: names.index(one) if one in names else 99)
        }

    def _subject(self, properties: Schema, place: Place) -> Subject:
        kinds = {name: kind_of(name, properties, length_limit(properties[name])) for name in properties}
        subject = Subject(
            path=place.path,
            keyword=place.subject.keyword or self.brief.keyword,
            theme=place.subject.theme,
            female=(place.index + int(self.brief.seed[9:11], 16)) % 2 == 0,
            index=place.index,
            neighbours=frozenset(properties),
        )
        phrase_field = next((name for name, kind in kinds.items() if kind == "keyphrase"), "")
        if phrase_field:
            subject.keyword = self._keyphrase(properties[phrase_field], place)
        elif not subject.keyword and place.list_path and "title" in kinds.values():
            subject.keyword = self.strings.fresh_keyphrase(place.list_path, place.index)
        named = self._named_theme(place.name)
        if named:
            subject.theme = named
        elif place.list_path and {"heading", "content"} & set(kinds.values()):
            subject.theme = self._theme(place)
        return subject

    def _named_theme(self, name: str) -> Theme | None:
        """The theme that a name such as ``intro`` or ``závěr`` stands for."""
        tokens = set(name.lower().replace("-", "_").split("_")) | {name.lower()}
        themes = self.strings.writer.themes.values()
        return next((theme for theme in themes if tokens & theme.match), None)

    def _keyphrase(self, schema: Any, place: Place) -> str:
        must = self.strings.must(schema)
        if must:
            return must[0]
        if self.brief.keyword and not place.list_path:
            return self.brief.keyword
        return self.strings.fresh_keyphrase(place.list_path or place.path, place.index)

    def _theme(self, place: Place) -> Theme:
        themes = self.strings.writer.themes
        beside = {theme.name for theme in map(self._named_theme, place.neighbours) if theme}
        if place.count > 1 and place.index == 0 and "intro" not in beside:
            return themes["intro"]
        if place.count > 2 and place.index == place.count - 1 and "conclusion" not in beside:
            return themes["conclusion"]
        middle = [theme for name, theme in themes.items() if name not in ("intro", "conclusion")]
        self._rng("themes", place.list_path).shuffle(middle)
        return middle[place.index % len(middle)]

    def _learn(self, subject: Subject, name: str, value: Any, schema: Any) -> None:
        """Let the fields that follow know what has been fixed by those before."""
        if not isinstance(value, str):
            return
        subject.given.append(value)
        if kind_of(name) == "question":
            subject.question = value
        if kind_of(name) == "title":
            subject.title = value
        if isinstance(schema, Mapping) and ("enum" in schema or "const" in schema) and subject.theme:
            subject.theme = self._named_theme(value) or subject.theme

    def _array(self, schema: Schema, place: Place) -> list[Any]:
        prefix = list(schema.get("prefixItems") or [])
        items = schema.get("items", {} if not prefix else None)
        count = self._count(schema, len(prefix), items, place)
        made: list[Any] = []
        seen: set[str] = set()
        for index in range(count):
            item = prefix[index] if index < len(prefix) else items
            where = replace(
                place, path=f"{place.path}/{index}", list_path=f"{place.path}/", index=index, count=count
            )
            value = self._value(item, where)
            for again in range(40 if schema.get("uniqueItems") else 0):
                if json.dumps(value, sort_keys=True) not in seen:
                    break
                value = self._value(
                    item, replace(where, path=f"{where.path}~{again}", index=index + again + 1)
                )
            seen.add(json.dumps(value, sort_keys=True))
            made.append(value)
        return made

    def _count(self, schema: Schema, prefix: int, items: Any, place: Place) -> int:
        low = int(schema.get("minItems") or 0)
        high = schema.get("maxItems")
        told = len(self.strings.stated(place) or [])
        if told:
            return max(low, told if high is None else min(told, int(high)))
        if place.deep:
            return max(low, 0)
        if prefix and items in (None, False):
            return max(low, min(prefix, prefix if high is None else int(high)))
        if high is None:
            wanted = max(low, prefix, 3) if low <= 3 else low
        else:
            share = low + math.floor(0.4 * (int(high) - low) + 0.5)
            wanted = max(share, min(1 if low else 3, int(high)), min(prefix, int(high)))
        if schema.get("uniqueItems") and isinstance(items, Mapping):
            choices = self._resolve(items, place)[0].get("enum")
            wanted = max(low, min(wanted, len(choices))) if choices else wanted
        return wanted

    # -- single values -----------------------------------------------------------------------------------------

    def _enum(self, options: list[Any], place: Place) -> Any:
        """Distinct values over the items of a list while there are enough; first and last where they tell."""
        real = [one for one in options if one is not None] or options
        if source := self._source_of(real, place):
            return source
        if not place.list_path:
            return self._rng("enum", place.path).choice(real)
        first = [one for one in real if str(one).lower() in _INTRO_LIKE][:1]
        last = [one for one in real if str(one).lower() in _OUTRO_LIKE][:1]
        if first and last and place.count > 1:
            middle = [one for one in real if one not in first + last] or real
            inner = [middle[at % len(middle)] for at in range(place.count - 2)]
            return [*first, *inner, *last][place.index]
        if "level" in place.name.lower():
            return real[0]  # the headings of one text stand on one level
        order = list(real)
        self._rng("enum", place.list_path, place.name).shuffle(order)
        return order[place.index % len(order)]

    def _source_of(self, options: list[Any], place: Place) -> str:
        """Of several addresses the one that stands before the fact which the item names; empty if none does."""
        if not all(isinstance(one, str) and "://" in one for one in options):
            return ""
        facts = [self._facts[name] for name in place.subject.given if self._facts.get(name)]
        fact = facts[0][0] if facts and isinstance(facts[0], list) else (facts[0] if facts else "")
        at = self.brief.prompt.find(fact) if isinstance(fact, str) and fact else -1
        places = {one: self.brief.prompt.rfind(normalise(one), 0, max(at, 0)) for one in options}
        best = max(places, key=lambda one: (places[one], len(one)))
        return best if places[best] >= 0 else ""

    def _string(self, schema: Schema, place: Place) -> str:
        taken = self._taken.setdefault(f"{place.list_path}#{place.name}", set()) if place.list_path else set()
        value = self.strings.write(schema, place, taken)
        taken.add(value)
        return value

    def _number(self, schema: Schema, place: Place) -> float:
        low, high = self._range(schema, place)
        whole = type_of(schema, False) == "integer"
        step = schema.get("multipleOf") or (1 if whole else 0.01)
        first, last = math.ceil(low / step), math.floor(high / step)
        value = self._rng(place.path).randint(first, max(first, last)) * step
        if whole:
            return int(value)
        return round(value, 10) if first <= last else (low + high) / 2

    def _range(self, schema: Schema, place: Place) -> tuple[float, float]:
        """The limits of a number, narrowed to what its name makes likely."""
        whole = type_of(schema, False) == "integer"
        low, high = schema.get("minimum"), schema.get("maximum")
        if (above := schema.get("exclusiveMinimum")) is not None and not isinstance(above, bool):
            low = above + (1 if whole else 0.01)
        if (below := schema.get("exclusiveMaximum")) is not None and not isinstance(below, bool):
            high = below - (1 if whole else 0.01)
        usual_low, usual_high = usual_range(place.name, low, high)
        low = usual_low if low is None else low
        high = max(usual_high, low + 1) if high is None else high
        narrowed = (max(low, usual_low), min(high, usual_high))
        return narrowed if narrowed[0] <= narrowed[1] else (low, max(low, high))
