"""The known attacks on a template engine, against the process that renders texts of editors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from domain.errors import InvalidInput
from prompts.rendering.renderer import MEMORY_BYTES, Renderer

DATA: dict[str, Any] = {"x": {"_secret": "s3cret", "name": "a", "list": [1, 2]}, "text": "a" * 1000}
TWICE = "{% set a = a ~ a %}"


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    made = Renderer()
    yield made
    made.close()


async def render(renderer: Renderer, source: str, **changes: Any) -> str:
    data = DATA | changes
    return (await renderer.render([(source, 1)], list(data), data, owner="org-1"))[0]


OUT_OF_THE_SANDBOX = {
    "T1": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "T2": "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "T3": "{{ lipsum.__globals__['os'] }}",
    "T4": "{{ self.__init__.__globals__ }}",
    "T5": "{{ joiner.__init__.__globals__ }}",
    "T6": "{{ namespace.__init__.__globals__ }}",
    "T7": "{{ ''|attr('__class__') }}",
    "T8": "{{ ('{0.__class__}'|attr('format'))(x) }}",
    "T9": "{{ '{0.__class__}'.format(x) }}",
    "T10": "{{ '{a.__class__}'.format_map({'a': x}) }}",
    "T11": "{{ ['{0.__class__}']|map('format', x)|list }}",
    "T12": "{% set f = '{0.__class__}'.format %}{{ f(x) }}",
    "T13": "{{ x.__dict__ }}",
    "T14": "{{ x['__class__'] }}",
    "T15": "{{ x['\\x5f\\x5fclass\\x5f\\x5f'] }}",
    "T16": "{{ range.__code__ }}{{ x.get.__func__ }}",
    "T17": "{{ (x.list|map('string')).gi_frame }}",
    "T18": "{% include '/etc/passwd' %}",
    "T19": "{% import 'os' as os %}{{ os }}",
    "T20": "{{ config.items() }}",
    "T21": "{{ x.clear() }}",
    "T22": "{{ [x]|map(attribute='_nothing')|list }}",
}
TOO_MUCH = {
    "T23": "".join("{% for " + each + " in range(999) %}" for each in "abc") + "{% endfor %}" * 3,
    "T23b": "{% for a in range(100000000) %}a{% endfor %}",
    "T24": "{{ 'a' * 10**10 }}",
    "T25": "{{ 'a'.ljust(10000000000) }}{{ 'a'|center(10000000000) }}",
    "T26": "{{ '%010000000000d'|format(1) }}",
    "T27": "{% set a = text %}" + "{% set a = a|replace('a', text) %}" * 6 + "{{ a }}",
    "T27b": "{% set a = text %}" + TWICE * 40 + "{{ a|length }}",
    "T27c": "{% set a = [1] %}" + "{% set a = a + a %}" * 60 + "{{ a|length }}",
    "T28": "{{ x.list|batch(1000000000)|list }}",
    "T29": "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
    "T30": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "T30b": "{% if x %}" * 4000 + "{% endif %}" * 4000,
    "T31": "a" * 10_000_000,
    "T31b": "{% for a in range(999) %}{% for b in range(999) %}{{ text }}{% endfor %}{% endfor %}",
}


@pytest.mark.parametrize("source", OUT_OF_THE_SANDBOX.values(), ids=OUT_OF_THE_SANDBOX)
async def test_there_is_no_way_out(renderer: Renderer, source: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await render(renderer, source)
    assert refused.value.next_step
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("source", TOO_MUCH.values(), ids=TOO_MUCH)
async def test_no_template_takes_more_than_its_share(renderer: Renderer, source: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await render(renderer, source)
    assert "\n" not in refused.value.message
    assert await render(renderer, "{{ x.name }}") == "a", "what comes after it is served as ever"


@pytest.mark.parametrize("data", ["{{ 7 * 7 }}", "{% raw %}", "{# weg #}", "{{ x._secret }}", "{%", "}}"])
async def test_data_is_never_a_template(renderer: Renderer, data: str) -> None:
    assert await render(renderer, "{{ text }}", text=data) == data, "T32"


async def test_an_unknown_variable_is_refused_before_anything_is_rendered(renderer: Renderer) -> None:
    with pytest.raises(InvalidInput, match=r"'txt'.*Did you mean 'text'"):
        await renderer.render([("{{ txt }}", 1)], list(DATA), None, owner="org-1")  # T33


async def test_a_variable_that_is_not_given_any_more_is_named(renderer: Renderer) -> None:
    with pytest.raises(InvalidInput, match="'reason' was not given"):
        await renderer.render([("{{ reason }}", 1)], ["reason"], {"x": 1}, owner="org-1")  # T34


async def test_errors_name_the_line_and_column_of_the_file(renderer: Renderer) -> None:
    with pytest.raises(InvalidInput) as refused:
        await renderer.render([("a\n  {{ x + }}", 31)], ["x"], {"x": 1})
    assert (refused.value.details["line"], refused.value.details["column"]) == (32, 10)


@pytest.fixture
async def small() -> AsyncIterator[Renderer]:
    made = Renderer(seconds=0.5)
    yield made
    made.close()


def _children() -> list[psutil.Process]:
    mine = psutil.Process().children()
    return [one for one in mine if "prompts.rendering.child" in " ".join(one.cmdline())]


async def test_a_child_has_no_environment_no_files_and_little_memory(small: Renderer) -> None:
    before = {one.pid for one in _children()}
    await render(small, "{{ x.name }}")
    (child,) = [one for one in _children() if one.pid not in before]
    assert Path(f"/proc/{child.pid}/environ").read_bytes() == b""
    assert child.rlimit(psutil.RLIMIT_AS) == (MEMORY_BYTES, MEMORY_BYTES)
    assert child.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
    assert child.cwd() == "/"


async def test_two_organizations_never_share_a_child(small: Renderer) -> None:
    before = {one.pid for one in _children()}
    for owner in ("org-1", "org-2", "org-1"):
        await small.render([("{{ text }}", 1)], ["text"], {"text": owner}, owner=owner)
    assert len([one for one in _children() if one.pid not in before]) == 2


async def test_a_slow_template_holds_up_neither_the_event_loop_nor_others(small: Renderer) -> None:
    await render(small, "{{ x.name }}")
    slow = asyncio.create_task(render(small, TOO_MUCH["T23"]))
    await asyncio.sleep(0)
    ticks = 0
    while not slow.done():
        ticks += 1
        await asyncio.sleep(0.01)
    with pytest.raises(InvalidInput, match=r"longer than 0\.5 seconds"):
        await slow
    assert ticks > 5


async def test_children_end_with_their_renderer() -> None:
    made = Renderer()
    before = {one.pid for one in _children()}
    await render(made, "{{ x.name }}")
    mine = [one for one in _children() if one.pid not in before]
    made.close()
    deadline = time.monotonic() + 60
    while any(one.is_running() for one in mine) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert not any(one.is_running() for one in mine)
