"""Draws a poster: flat shapes in the prompt's colours, what the prompt is about, and that it is sandbox output."""

from __future__ import annotations

import io
import math
import random
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from sandbox.media.art import Art
from sandbox.seeds import rng

_FONT = Path(__file__).parent / "fonts" / "DejaVuSansCondensed-Bold.ttf"
LONG_SIDE = 1024
Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]


@lru_cache(maxsize=64)
def font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(_FONT), size)


def size_of(ratio: str, long_side: int = LONG_SIDE) -> tuple[int, int]:
    """Width and height of a ratio such as ``9:16``, both even."""
    wide, high = (int(part) for part in ratio.split(":"))
    scale = long_side / max(wide, high)
    return max(2, round(wide * scale / 2) * 2), max(2, round(high * scale / 2) * 2)


def rgb(colour: str) -> Colour:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """``share`` of ``other`` in ``one``."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def wrap(text: str, face: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """Lines no wider than ``width``; a word that is too wide stands alone."""
    lines: list[str] = []
    for word in text.split():
        if lines and face.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def fit(
    text: str, width: float, height: float, largest: int
) -> tuple[list[str], ImageFont.FreeTypeFont, int]:
    """The largest type in which the text fits: lines, font, line height."""
    size = largest
    while True:
        face, step = font(size), round(size * 1.22)
        lines = wrap(text, face, width)
        fits = len(lines) * step <= height and all(face.getlength(line) <= width for line in lines)
        if fits or size <= 12:
            return lines, face, step
        size = max(12, int(size * 0.92))


# -- compositions: each fills a box with shapes of the colours ------------------------------------------------------


def _sun_and_hills(draw: ImageDraw.ImageDraw, box: Box, colours: list[Colour], source: random.Random) -> None:
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    radius = min(width, height) * source.uniform(0.2, 0.3)
    x, y = left + width * source.uniform(0.3, 0.7), top + height * source.uniform(0.32, 0.45)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colours[1])
    for layer in range(3):
        base, swing, shift = top + height * (0.55 + 0.16 * layer), height * 0.08, source.uniform(0, 6)
        wave = [
            (left + width * i / 40, base + swing * math.sin(i / 40 * 5 + shift + layer)) for i in range(41)
        ]
        draw.polygon(
            [*wave, (right, bottom), (left, bottom)], fill=mix(colours[0], colours[2], 0.45 - 0.2 * layer)
        )


def _tiles(draw: ImageDraw.ImageDraw, box: Box, colours: list[Colour], source: random.Random) -> None:
    left, top, right, bottom = box
    side = max(60, min(right - left, bottom - top) // source.choice((2, 3, 3)))
    for x in range(left, right, side):
        for y in range(top, bottom, side):
            back, front = source.sample(colours, 2)
            draw.rectangle((x, y, x + side, y + side), fill=back)
            corner, kind = source.randrange(4), source.randrange(4)
            cx, cy = x + side * (corner % 2), y + side * (corner // 2)
            if kind == 3:
                quarter = side // 4
                draw.ellipse((x + quarter, y + quarter, x + side - quarter, y + side - quarter), fill=front)
            else:
                start = (0, 90, 270, 180)[corner]
                draw.pieslice((cx - side, cy - side, cx + side, cy + side), start, start + 90, fill=front)


def _arches(draw: ImageDraw.ImageDraw, box: Box, colours: list[Colour], source: random.Random) -> None:
    left, top, right, bottom = box
    count = 3 if right - left > (bottom - top) * 1.3 else 2
    width = (right - left) / count
    for number in range(count):
        middle = left + width * (number + 0.5)
        foot = bottom
        for ring in range(4):
            half = width * (0.46 - 0.105 * ring)
            crown = top + (bottom - top) * (0.12 + 0.08 * ((number + ring) % 2) + 0.13 * ring)
            colour = colours[(number + ring) % len(colours)]
            draw.ellipse((middle - half, crown, middle + half, crown + 2 * half), fill=colour)
            draw.rectangle((middle - half, crown + half, middle + half, max(foot, crown + half)), fill=colour)


def _waves(draw: ImageDraw.ImageDraw, box: Box, colours: list[Colour], source: random.Random) -> None:
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    layers, phase = 7, source.uniform(0, 6)
    for layer in range(layers):
        base = top + height * (0.08 + layer / layers)
        wave = [
            (left + width * i / 48, base + height * 0.055 * math.sin(i / 48 * 7 + phase + layer * 0.7))
            for i in range(49)
        ]
        share = layer / (layers - 1)
        colour = mix(colours[1], colours[0], share) if layer % 2 else mix(colours[2], colours[1], share * 0.6)
        draw.polygon([*wave, (right, bottom), (left, bottom)], fill=colour)


def _discs(draw: ImageDraw.ImageDraw, box: Box, colours: list[Colour], source: random.Random) -> None:
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    reach = min(width, height)
    for number in range(6):
        radius = reach * source.uniform(0.14, 0.36)
        x, y = left + width * source.uniform(0.12, 0.88), top + height * source.uniform(0.12, 0.88)
        colour = mix(
            colours[number % len(colours)], colours[(number + 1) % len(colours)], source.uniform(0, 0.4)
        )
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
        inner = radius * 0.55
        if number % 2:
            draw.ellipse(
                (x - inner, y - inner, x + inner, y + inner), fill=colours[(number + 2) % len(colours)]
            )


def _leaves(draw: ImageDraw.ImageDraw, box: Box, colours: list[Colour], source: random.Random) -> None:
    left, top, right, bottom = box
    step = max(70, min(right - left, bottom - top) // 4)
    for row, y in enumerate(range(top - step, bottom + step, step)):
        for x in range(left - step // 2 * (row % 2), right + step, step):
            colour = colours[(row + x // step) % len(colours)]
            turn = 1 if (row + x // step) % 2 else -1
            points = []
            for i in range(25):
                t = i / 24
                points.append(
                    (
                        x + t * step,
                        y + (t if turn > 0 else 1 - t) * step - math.sin(t * math.pi) * step * 0.38,
                    )
                )
            for i in range(25):
                t = 1 - i / 24
                points.append(
                    (
                        x + t * step,
                        y + (t if turn > 0 else 1 - t) * step + math.sin(t * math.pi) * step * 0.38,
                    )
                )
            draw.polygon(points, fill=colour)


_COMPOSITIONS = (_sun_and_hills, _tiles, _arches, _waves, _discs, _leaves)


def shapes(art: Art, width: int, height: int) -> tuple[Image.Image, Colour, Colour]:
    """The picture without words at these measures, with the colours of the ground and of the type."""
    source = rng(art.key, "composition")
    palette = [rgb(colour) for colour in art.palette]
    ground, ink = palette[-1], palette[0]
    if source.random() < 0.4:
        ground, ink = ink, ground
    colours = [*palette[:-1], mix(palette[0], palette[-1], 0.55)] if ground == palette[-1] else palette[1:]
    colours = [*colours, mix(palette[0], palette[-1], 0.3), *colours][:4]
    image = Image.new("RGB", (width * 2, height * 2), ground)
    draw = ImageDraw.Draw(image)
    left, top, right, bottom = _picture_box(width, height)
    source.choice(_COMPOSITIONS)(draw, (2 * left, 2 * top, 2 * right, 2 * bottom), colours, source)
    text = _text_box(width, height)
    draw.rectangle(tuple(2 * edge for edge in text), fill=ground)
    return image.reduce(2), ground, ink


def _picture_box(width: int, height: int) -> Box:
    if width > height * 1.2:
        return (int(width * 0.46), 0, width, height)
    return (0, 0, width, int(height * (0.6 if height > width * 1.2 else 0.56)))


def _text_box(width: int, height: int) -> Box:
    if width > height * 1.2:
        return (0, 0, int(width * 0.46), height)
    return (0, int(height * (0.6 if height > width * 1.2 else 0.56)), width, height)


def lettering(image: Image.Image, art: Art, ground: Colour, ink: Colour, label: str) -> None:
    """Set the words and the mark of the sandbox."""
    width, height = image.size
    draw = ImageDraw.Draw(image)
    left, top, right, bottom = _text_box(width, height)
    margin = max(8, round(min(width, height) * 0.06))
    small = font(max(11, round(min(width, height) * 0.026)))
    accent = max((rgb(one) for one in art.palette), key=lambda one: _contrast(one, ground) * _vivid(one))
    foot = bottom - margin - small.size
    bar = max(3, round(margin * 0.14))
    head = top + margin
    draw.rectangle((left + margin, head, left + margin * 2.6, head + bar), fill=accent)
    room = foot - margin * 0.5 - head - bar - margin * 0.5
    wide = right - left < width
    largest = round(min(width, height) * (0.11 if wide else 0.085))
    lines, face, step = fit(art.text, right - left - 2 * margin, room, largest)
    y = head + bar + margin * 0.5 + (max(0.0, room - len(lines) * step) * 0.4 if wide else 0)
    for line in lines:
        draw.text((left + margin, y), line, font=face, fill=ink)
        y += step
    draw.text((left + margin, foot), label, font=small, fill=mix(ink, ground, 0.35))
    _stamp(draw, width, margin, ground, ink)


def _stamp(draw: ImageDraw.ImageDraw, width: int, margin: int, ground: Colour, ink: Colour) -> None:
    face = font(max(12, round(margin * 0.5)))
    length, pad = face.getlength("SANDBOX"), margin * 0.22
    box = (
        width - margin * 0.5 - length - 2 * pad,
        margin * 0.5,
        width - margin * 0.5,
        margin * 0.5 + face.size + 2 * pad,
    )
    draw.rounded_rectangle(box, radius=pad, fill=ink)
    draw.text((box[0] + pad, box[1] + pad * 0.7), "SANDBOX", font=face, fill=ground)


def _contrast(one: Colour, other: Colour) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / 765


def _vivid(one: Colour) -> float:
    return 0.2 + (max(one) - min(one)) / 255


def poster(art: Art, width: int, height: int, label: str) -> Image.Image:
    """The finished picture at these measures."""
    image, ground, ink = shapes(art, width, height)
    lettering(image, art, ground, ink, label)
    return image


def draw_png(art: Art, model: str) -> bytes:
    """A PNG of 1024 pixels on the longer side, with its origin in the metadata."""
    from PIL.PngImagePlugin import PngInfo

    width, height = size_of(art.ratio)
    image = poster(art, width, height, f"Sandbox · {model} · {art.ratio}")
    info = PngInfo()
    info.add_text("Software", "PostHub sandbox")
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1, pnginfo=info)
    return buffer.getvalue()
