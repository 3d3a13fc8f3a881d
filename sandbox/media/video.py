"""Encodes a clip: the poster of the prompt with shapes that move, H.264 in an MP4 that any browser plays."""

from __future__ import annotations

import math
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from PIL import Image, ImageDraw

from sandbox.media.art import Art
from sandbox.media.images import lettering, mix, rgb, shapes, size_of

frame_of: Any = av.VideoFrame.from_image  # untyped in PyAV
LONG_SIDE = 640
RATE = 15


def _frame(base: Image.Image, art: Art, moment: float, seconds: float) -> Image.Image:
    """The picture at a moment: two discs on their way, a bar that shows the time gone."""
    image = base.copy()
    draw = ImageDraw.Draw(image)
    width, height = image.size
    landscape = width > height * 1.2
    left, bottom = (width * 0.46, height) if landscape else (0.0, height * 0.56)
    for number in range(3):
        angle = moment * (0.9 + 0.25 * number) + number * 2.1
        radius = min(width, height) * (0.05 + 0.018 * number)
        x = left + (width - left) * (0.5 + 0.36 * math.cos(angle))
        y = bottom * (0.5 + 0.34 * math.sin(angle * 1.3))
        colour = mix(rgb(art.palette[number % len(art.palette)]), (255, 255, 255), 0.25)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    draw.rectangle((0, height - 5, width * moment / seconds, height), fill=rgb(art.palette[1]))
    return image


def encode_mp4(art: Art, model: str, seconds: float) -> bytes:
    """An MP4 of the asked length, 640 pixels on the longer side, yuv420p, playable while it loads."""
    width, height = size_of(art.ratio, LONG_SIDE)
    base, ground, ink = shapes(art, width, height)
    lettering(base, art, ground, ink, f"Sandbox · {model} · {seconds:g} s")
    with tempfile.TemporaryDirectory(prefix="posthub-clip-") as folder:
        path = Path(folder) / "clip.mp4"
        _write(path, art, base, seconds)
        return path.read_bytes()


def _write(path: Path, art: Art, base: Image.Image, seconds: float) -> None:
    # moving the index to the front needs a real file
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        container.metadata["comment"] = "PostHub sandbox"
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "27"})
        stream.width, stream.height, stream.pix_fmt = base.width, base.height, "yuv420p"
        stream.time_base = Fraction(1, RATE)
        for number in range(round(seconds * RATE)):
            picture: Any = frame_of(_frame(base, art, number / RATE, seconds))
            picture.pts = number
            for packet in stream.encode(picture):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
