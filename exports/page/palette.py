"""Colours for people and companies, from what a persona's palette says in hex or in words."""

from __future__ import annotations

import colorsys
import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_WORDS_FILE = Path(__file__).parent / "assets" / "colours.json"
_HEX = re.compile(r"#([0-9a-fA-F]{6}|[0-9a-fA-F]{3})(?![0-9a-fA-F])")
MAX_COLOURS = 5


@dataclass(frozen=True)
class Palette:
    """Colours as ``#rrggbb``: ``swatches`` in the persona's order, ``main`` readable under ``ink``."""

    swatches: tuple[str, ...]
    main: str
    second: str
    ink: str


def palette(description: object, name: str) -> Palette:
    """Find the colours in a description; a name without any gets a calm hue of its own.

    Args:
        description: Text or a list of texts, such as ``#a4552d, krémová`` or ``["deep green"]``.
        name: Whose colours; decides the hue where the description has none.
    """
    text = (
        " ".join(map(str, description)) if isinstance(description, list | tuple) else str(description or "")
    )
    swatches = tuple(dict.fromkeys(_found(text)))[:MAX_COLOURS] or _own_hue(name)
    main = min(swatches, key=lambda colour: abs(luminance(colour) - 0.16))
    others = [colour for colour in swatches if colour != main] or [_shifted(main)]
    return Palette(swatches, main, others[0], "#ffffff" if luminance(main) < 0.36 else "#1d1b18")


def luminance(colour: str) -> float:
    """Relative luminance, 0 black to 1 white (WCAG 2.2)."""
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _found(text: str) -> list[str]:
    hexes = [_long(match[1]) for match in _HEX.finditer(text[:2000])]
    if hexes:
        return hexes
    plain = unicodedata.normalize("NFKD", text[:2000].lower())
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return [colour for word in re.findall(r"[a-z]+", letters) if (colour := _named(word))]


def _long(digits: str) -> str:
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)).lower()


def _named(word: str) -> str | None:
    stems = [stem for stem in _stems() if word.startswith(stem)]
    return _stems()[max(stems, key=len)] if stems else None


@cache
def _stems() -> Mapping[str, str]:
    stems: Mapping[str, str] = json.loads(_WORDS_FILE.read_text("utf-8"))["stems"]
    return stems


def _own_hue(name: str) -> tuple[str, ...]:
    hue = int.from_bytes(hashlib.sha256(name.encode("utf-8", "replace")).digest()[:2], "big") / 65536
    return (_hsl(hue, 0.36, 0.38), _hsl((hue + 0.08) % 1, 0.34, 0.58), _hsl((hue + 0.5) % 1, 0.22, 0.82))


def _shifted(colour: str) -> str:
    red, green, blue = (int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5))
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    return _hsl((hue + 0.06) % 1, saturation, min(0.8, lightness + 0.18))


def _hsl(hue: float, saturation: float, lightness: float) -> str:
    return "#" + "".join(f"{round(c * 255):02x}" for c in colorsys.hls_to_rgb(hue, lightness, saturation))
