"""Makes a value for any JSON Schema, with text that suits the names of its fields.

Understands type (also lists of types and Google's upper-case OpenAPI subset), nullable, enum, const, anyOf, oneOf,
allOf, $ref with $defs, properties, required, items, prefixItems, minItems, maxItems, uniqueItems, minLength, maxLength,
pattern, format, minimum, maximum (also exclusive), multipleOf.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.prose.brief import Brief
from sandbox.prose.fields import Span, kind_of
from sandbox.prose.strings import Place, Strings, must_hold
from sandbox.prose.words import rule
from sandbox.seeds import normalise

Schema = Mapping[str, Any]

_DEEPEST = 6
_TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
_SIGNS = {"properties": "object", "items": "array", "prefixItems": "array", "minimum": "number"}
_MANY = 10**6


def _merge(first: Schema, second: Schema) -> dict[str, Any]:
    """Both schemas at once; where both name the same keyword the second counts, objects are joined."""
    joined = {
        "properties": {**first.get("properties", {}), **second.get("properties", {})},
        "required": [*first.get("required", ()), *second.get("required", ())],
    }
    return {**first, **second, **{key: value for key, value in joined.items() if value}}


def _without(schema: Schema, *keys: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in keys}


def _is_given(schema: Any) -> bool:
    return isinstance(schema, Mapping) and ("enum" in schema or "const" in schema)


def _is_null(schema: Any) -> bool:
    return isinstance(schema, Mapping) and (
        schema.get("type") in ("null", "NULL") or schema.get("const", "") is None
    )


def _limit(schema: Schema, name: str, step: float) -> float | None:
    """The smallest or largest number that a schema takes."""
    beyond = schema.get(f"exclusiveM{name}")
    return schema.get(f"m{name}") if beyond is None or isinstance(beyond, bool) else float(beyond) + step


@dataclass
class SchemaFiller:
    """Fills one schema for one prompt."""

    schema: Schema
    brief: Brief
    _strings: Strings = field(init=False)
    _taken: dict[str, set[str]] = field(default_factory=dict)
    _phrases: dict[str, list[str]] = field(default_factory=dict)
    _facts: dict[str, Any] = field(default_factory=dict)
    """Values of the outermost object, which items of its lists may name."""

    def __post_init__(self) -> None:
        self._strings = Strings(self.brief)

    def value(self) -> Any:
        """The value for the whole schema."""
        return self._value(self.schema, Place(keyword=self.brief.keyword))

    def _rng(self, *path: object) -> random.Random:
        return self._strings.writer.rng("schema", *path)

    # -- structure ---------------------------------------------------------------------------------------------

    def _value(self, schema: Any, place: Place) -> Any:
        schema = self._resolved(schema, place)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._enum([one for one in schema["enum"] if one is not None] or [None], place)
        kind = self._type(schema, place)
        if kind == "null" or self._unknown(schema, place):
            return [] if kind == "array" else None
        if kind == "boolean":
            return self._rng(place.path).random() < 0.4
        if kind in ("integer", "number"):
            return self._number(schema, place, kind == "integer")
        return {"object": self._object, "array": self._array}.get(kind, self._string)(schema, place)

    def _deep(self, place: Place) -> bool:
        """Whether only what must be is made: a schema may go in circles."""
        return place.path.count("/") > _DEEPEST

    def _type(self, schema: Schema, place: Place) -> str:
        """The type to make, in small letters; null where it may be and the place is deep."""
        kinds = schema.get("type", next((kind for sign, kind in _SIGNS.items() if sign in schema), "string"))
        if isinstance(kinds, list):
            real = [one for one in kinds if one != "null"] or ["null"]
            kinds = "null" if self._deep(place) and "null" in kinds else real[0]
        return kinds.lower() if str(kinds).lower() in _TYPES else "string"

    def _stated(self, place: Place) -> list[str] | None:
        return self._strings.stated(kind_of(place.name, place.neighbours), Span())

    def _unknown(self, schema: Schema, place: Place) -> bool:
        """Whether the schema allows leaving a fact out and the prompt does not have it."""
        kind = schema.get("type")
        empty = kind == "array" and not schema.get("minItems")
        optional = "null" in kind if isinstance(kind, list) else empty
        said = rule("may_be_missing").search(str(schema.get("description") or ""))
        return bool(said) and optional and self._stated(place) == []

    def _resolved(self, made: Any, place: Place) -> Schema:
        """Follow references and merge combinations until a plain schema is left."""
        schema: Schema = made if isinstance(made, Mapping) else {}
        for _ in range(30):
            if "$ref" in schema:
                schema = _merge(self._lookup(str(schema["$ref"])), _without(schema, "$ref"))
            elif "allOf" in schema:
                parts, schema = schema["allOf"], _without(schema, "allOf")
                for part in parts:
                    schema = _merge(schema, self._resolved(part, place))
            elif branches := schema.get("anyOf") or schema.get("oneOf"):
                schema = _merge(_without(schema, "anyOf", "oneOf"), self._branch(branches, place))
            else:
                break
        return schema

    def _branch(self, branches: list[Any], place: Place) -> Schema:
        """One of the alternatives: not null unless the place is deep."""
        null = [one for one in branches if _is_null(one)]
        real = [one for one in branches if isinstance(one, Mapping) and not _is_null(one)] or [{}]
        if null and (self._deep(place) or real == [{}]):
            real = null
        return real[0] if self._deep(place) else self._rng("branch", place.path).choice(real)

    def _lookup(self, ref: str) -> Schema:
        target: Any = self.schema
        for part in filter(None, ref.removeprefix("#").split("/")):
            part = part.replace("~1", "/").replace("~0", "~")
            target = target[int(part)] if isinstance(target, list) else target.get(part, {})
        return target if isinstance(target, Mapping) else {}

    def _object(self, schema: Schema, place: Place) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        names = list(dict.fromkeys(map(str, schema.get("required") or [])))
        names += [name for name in properties if name not in names and not self._deep(place)]
        inner = replace(self._about(properties, place), neighbours=frozenset(properties), known={})
        made: dict[str, Any] = {}
        # what is given comes first: it says what the texts beside it are about
        for name in sorted(names, key=lambda one: not _is_given(properties.get(one))):
            where = replace(inner, path=f"{place.path}/{name}", name=name)
            made[name] = value = self._value(properties.get(name), where)
            inner.known[kind_of(name)] = str(value)
        self._facts |= {} if place.path else made
        return {name: made[name] for name in names}

    def _about(self, properties: Schema, place: Place) -> Place:
        """The key phrase and the theme that the fields of one object share."""
        kinds = {kind_of(name, properties): one for name, one in properties.items()}
        keyword, theme = place.keyword, self._named_theme(place.name)
        if must := must_hold(kinds.get("keyphrase")):
            keyword = must[0]
        elif place.list_path and ("keyphrase" in kinds or ("title" in kinds and not keyword)):
            keyword = self._keyphrase(place)
        if not theme and place.list_path and {"heading", "content"} & set(kinds):
            middle = list(self._strings.writer.middle)
            self._rng("themes", place.list_path).shuffle(middle)
            theme = middle[place.index % len(middle)]
        return replace(place, keyword=keyword, theme=theme or place.theme)

    def _keyphrase(self, place: Place) -> str:
        """The key phrase of an item: none twice in a list, and none that the prompt already has."""
        phrases = self._phrases.setdefault(place.list_path, [])
        if not phrases:
            subjects, modifiers = list(self.brief.subjects), self.brief.words["modifier"]
            self._rng("subjects", place.list_path).shuffle(subjects)
            longer = (f"{one} {two}" for two in modifiers for one in subjects)
            fresh = [one for one in (*subjects, *longer) if one.lower() not in self.brief.lowered]
            phrases += fresh or subjects
        return phrases[place.index % len(phrases)]

    def _named_theme(self, name: str) -> str:
        """The theme that a name such as ``intro`` or ``závěr`` stands for; empty if it is none."""
        tokens = {*name.lower().replace("-", "_").split("_"), name.lower()}
        themes = self._strings.writer.themes.items()
        return next((key for key, theme in themes if tokens & {key, *theme["match"].split()}), "")

    def _array(self, schema: Schema, place: Place) -> list[Any]:
        prefix, base = list(schema.get("prefixItems") or []), f"{place.path}/"
        items = schema.get("items", None if prefix else {})
        count = self._count(schema, prefix, items, place)
        made: list[Any] = []
        for index in range(count):
            item = prefix[index] if index < len(prefix) else items
            for turn in range(40 if schema.get("uniqueItems") else 1):
                path = f"{base}{index}" + "~" * turn
                where = replace(place, path=path, list_path=base, index=index + turn, count=count)
                value = self._value(item, where)
                if value not in made:
                    break
            made.append(value)
        return made

    def _count(self, schema: Schema, prefix: list[Any], items: Any, place: Place) -> int:
        low, most = int(schema.get("minItems") or 0), schema.get("maxItems")
        high = _MANY if most is None else int(most)
        if known := len(self._stated(place) or ()) or (len(prefix) if items in (None, False) else 0):
            return max(low, min(known, high))
        if self._deep(place):
            return low
        usual = max(low, len(prefix), 3) if most is None else low + int(0.4 * (high - low) + 0.5)
        choices = self._resolved(items, place).get("enum") if schema.get("uniqueItems") else None
        return max(low, min(max(usual, 1 if low else 3), high, len(choices or ()) or high))

    # -- single values -----------------------------------------------------------------------------------------

    def _enum(self, options: list[Any], place: Place) -> Any:
        """Distinct values over the items of a list while there are enough."""
        order = list(options)
        self._rng("enum", place.list_path or place.path, place.name).shuffle(order)
        return self._source_of(options, place) or order[place.index % len(order)]

    def _source_of(self, options: list[Any], place: Place) -> str:
        """Of several addresses the one that stands before the fact which the item names; empty if none does."""
        if not all(isinstance(one, str) and "://" in one for one in options):
            return ""
        named = [self._facts.get(name) for name in place.known.values()]
        fact = next(([one] if isinstance(one, str) else one for one in named if one), [""])[0]
        at = max(self.brief.prompt.find(str(fact)), 0)
        places = {one: self.brief.prompt.rfind(normalise(one), 0, at) for one in options}
        best = max(places, key=lambda one: (places[one], len(one)))
        return best if places[best] >= 0 else ""

    def _string(self, schema: Schema, place: Place) -> str:
        # values differ within their list, headings in the whole text
        within = "" if kind_of(place.name) == "heading" else place.list_path
        taken = self._taken.setdefault(f"{within}#{place.name}", set())
        value = self._strings.write(schema, place, taken)
        taken.add(value)
        return value

    def _number(self, schema: Schema, place: Place, whole: bool) -> float:
        step = schema.get("multipleOf") or (1 if whole else 0.01)
        low, high = _limit(schema, "inimum", step), _limit(schema, "aximum", -step)
        low = low if low is not None else 1 if high is None else min(1, high)
        high = low + 9 if high is None else high
        first, last = math.ceil(low / step), math.floor(high / step)
        value = self._rng(place.path).randint(first, max(first, last)) * step
        return int(value) if whole else round(value, 10) if first <= last else (low + high) / 2
