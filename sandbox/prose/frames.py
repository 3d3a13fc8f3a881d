"""Turns a sentence frame into a sentence: alternatives, slots in the right case, vocalised prepositions."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field, replace

from sandbox.prose.words import Lists

_ALTERNATIVE = re.compile(r"\[([^\[\]]+)\]")
_GENDER = re.compile(r"<([^<>/]+)/([^<>/]+)>")
_SLOT = re.compile(r"\{([A-Za-z_]+)([1-7]?)\}")
_PREPOSITION = re.compile(r"\b([sSvVkKzZoOuU])~(\S+)")
_CASES = {"1": 0, "2": 1, "3": 2, "4": 3, "6": 4, "7": 5}
_SOFT = {"s": "szšž", "z": "szšž", "v": "vf", "k": "kg"}
_BEFORE_CLUSTER = re.compile(r"(?:[sšzž][^aeiouyáéěíóúůýrl\s]|vš|vz|dv|čt|mn|kt)", re.IGNORECASE)


@dataclass(frozen=True)
class Slots:
    """What the slots of a frame stand for; one of another name takes a line of the list of that name.

    ``nouns`` fixes the slots t, u, p, q and so on for as long as a section lasts, so that it keeps to its subject.
    """

    lists: Lists
    keyword: str
    company: str
    season: str
    female: bool = False
    nouns: dict[str, str] = field(default_factory=dict)

    def focus(self, rng: random.Random) -> Slots:
        """The same slots with a fresh choice of nouns."""
        nouns: dict[str, str] = {}
        for source, letters in (("t", "tu"), ("p", "pq"), ("m", "m"), ("n", "n"), ("z", "z"), ("c", "c")):
            options = self.lists[source]
            nouns |= dict(zip(letters, rng.sample(options, min(len(letters), len(options))), strict=False))
        return replace(self, nouns=nouns)


def capitalise(text: str) -> str:
    return text[:1].upper() + text[1:]


def _slot(name: str, case: str, slots: Slots, rng: random.Random) -> str:
    lowered = name.lower()
    if lowered in slots.nouns:
        forms = slots.nouns[lowered].split("|")
        value = forms[_CASES[case or "1"]] if len(forms) > 1 else forms[0]
    else:
        said = {"kw": slots.keyword, "co": slots.company, "season": slots.season}
        value = said[lowered] if lowered in said else fill(rng.choice(slots.lists[lowered]), slots, rng)
    return capitalise(value) if name[0].isupper() else value


def _vocalise(match: re.Match[str]) -> str:
    letter, word = match.group(1), match.group(2)
    low = letter.lower()
    first = word.lstrip("„(")[:3].lower()
    if first[:1] and (first[0] in _SOFT.get(low, "") or (low in "svzk" and _BEFORE_CLUSTER.match(first))):
        letter += "e"
    return f"{letter} {word}"


def fill(frame: str, slots: Slots, rng: random.Random) -> str:
    """Fill a frame; a frame that ends like a sentence starts like one."""
    text = _ALTERNATIVE.sub(lambda match: rng.choice(match.group(1).split("|")), frame)
    text = _GENDER.sub(lambda match: match.group(2 if slots.female else 1), text)
    text = _SLOT.sub(lambda match: _slot(match.group(1), match.group(2), slots, rng), text)
    text = _PREPOSITION.sub(_vocalise, text)
    return capitalise(text) if frame[-1:] in ".!?" else text
