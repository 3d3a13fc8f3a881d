"""Makes pictures and clips in threads, and keeps what was made: in memory and beside the bill."""

from __future__ import annotations

import asyncio
from functools import lru_cache

from sandbox.media.art import Art
from sandbox.media.jobs import MediaJob
from sandbox.seeds import fingerprint
from sandbox.state import State


@lru_cache(maxsize=64)
def picture(art: Art, model: str) -> bytes:
    """A PNG in the ratio of ``art``, 1024 pixels on its longer side."""
    from sandbox.media.images import draw_png

    return draw_png(art, model)


async def video(state: State, job: MediaJob) -> bytes:
    """The MP4 of a job; the same job of an earlier sandbox on this home is read, not made again."""
    folder = state.home / "videos"
    path = folder / f"{fingerprint(job.art, job.seconds, job.model)[:32]}.mp4"
    async with state.render_lock:
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            data = await asyncio.to_thread(_encode, job)
            part = path.with_suffix(f".{id(job)}.part")
            part.write_bytes(data)
            part.replace(path)
    return path.read_bytes()


def _encode(job: MediaJob) -> bytes:
    from sandbox.media.video import encode_mp4

    return encode_mp4(job.art, job.model, job.seconds)
