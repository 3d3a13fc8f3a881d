"""The process in which texts of editors are rendered: it has limits, no secrets, and nothing to lose.

Requests and answers are JSON, each behind its length in four bytes, on stdin and stdout. The process ends with
its stdin. See `prompts.rendering.renderer` for the other side.
"""

from __future__ import annotations

import json
import math
import resource
import struct
import sys
from collections import OrderedDict
from contextlib import suppress
from typing import IO, Any

from domain.errors import InvalidInput
from prompts.rendering.compiling import Template, compile_source

LENGTH = struct.Struct(">I")
_KEPT = 64
"""Compiled templates that are kept, the most recently used ones."""

_Compiled = OrderedDict[str, list[Template]]


def main(memory_bytes: int) -> None:
    """Answer requests until stdin ends."""
    _limit(memory_bytes)
    compiled: _Compiled = OrderedDict()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while (request := receive(source)) is not None:
        _allow_seconds(request["seconds"])
        try:
            answer: dict[str, Any] = {"texts": _render(compiled, request)}
        except InvalidInput as error:
            answer = {"error": error.as_json()}
        except MemoryError:
            compiled.clear()
            answer = {"error": {"code": "MEMORY"}}
        send(sink, answer)


def send(sink: IO[bytes], value: Any) -> None:
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    sink.write(LENGTH.pack(len(body)) + body)
    sink.flush()


def receive(source: IO[bytes], most: int = 2**31) -> Any:
    """Return the next value, or None at the end of the stream or where it is longer than ``most`` bytes."""
    head = source.read(LENGTH.size)
    if len(head) < LENGTH.size or LENGTH.unpack(head)[0] > most:
        return None
    body = source.read(LENGTH.unpack(head)[0])
    return json.loads(body.decode("utf-8", "surrogatepass")) if len(body) == LENGTH.unpack(head)[0] else None


def _render(compiled: _Compiled, request: Any) -> list[str]:
    parts, names, data = request["parts"], request["names"], request["data"]
    key = json.dumps([parts, names])
    if key not in compiled:
        compiled[key] = [compile_source(text, names, line) for text, line in parts]
    compiled.move_to_end(key)
    while len(compiled) > _KEPT:
        compiled.popitem(last=False)
    return [] if data is None else [template(data) for template in compiled[key]]


def _limit(memory_bytes: int) -> None:
    # Writing a file, opening one, dumping core: none of it belongs to rendering.
    for what, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 16),
    ):
        with suppress(ValueError, OSError):  # macOS knows no limit of the address space
            resource.setrlimit(what, (most, most))


def _allow_seconds(seconds: float) -> None:
    """Set the end of this request's processor time; the kernel ends a process that goes beyond it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = math.ceil(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))
