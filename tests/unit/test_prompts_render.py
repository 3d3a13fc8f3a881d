from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest

from domain.errors import InvalidInput
from prompts.rendering.compiling import MAX_OUTPUT, compile_source
from prompts.rendering.environment import MAX_RANGE


class Colour(StrEnum):
    RED = "red"


class Person:
    name = "Jana"


def _render(source: str, **variables: Any) -> str:
    return compile_source(source, variables)(variables)


def test_variables_are_put_in() -> None:
    assert _render("Firma {{ company.name }}", company={"name": "Ostrov"}) == "Firma Ostrov"


def test_a_field_of_the_data_goes_before_a_method() -> None:
    assert _render("{{ dna.values | join(', ') }}", dna={"values": ["a", "b"]}) == "a, b"


def test_conditions_leave_no_gaps() -> None:
    assert _render("a\n\n{% if x %}\nb\n{% endif %}\n\nc", x=None) == "a\n\nc"


def test_an_unknown_variable_is_named_with_its_nearest_neighbour() -> None:
    with pytest.raises(InvalidInput, match=r"unknown variable 'persnoa'.*Did you mean 'persona'"):
        compile_source("{{ persnoa.name }}", ["persona", "topic"])


def test_a_variable_that_was_not_given_is_named_with_its_nearest_neighbour() -> None:
    template = compile_source("{{ persona }}", ["persona"])
    with pytest.raises(InvalidInput, match=r"'persona' was not given.*Did you mean 'personna'"):
        template({"personna": 1, "topic": 2})


def test_an_unknown_field_is_named_with_its_nearest_neighbour() -> None:
    with pytest.raises(InvalidInput, match="no field 'max_lenght'; did you mean 'max_length'"):
        _render("{{ platform.max_lenght }}", platform={"max_length": 280, "name": "X"})


def test_a_field_that_is_used_only_in_a_condition_must_exist_too() -> None:
    with pytest.raises(InvalidInput, match="no field 'hok'"):
        _render("{% if platform.hok %}a{% endif %}", platform={"hook": "none"})


def test_a_syntax_error_names_its_line() -> None:
    with pytest.raises(InvalidInput, match="line 2") as raised:
        compile_source("a\n{% if %}", [])
    assert raised.value.details["line"] == 2


@pytest.mark.parametrize(
    "value",
    [Person(), object(), print, Colour.RED, {1: "a"}, {"a": {"b": Person()}}, [Person], b"bytes", {1, 2}, 1j],
)
def test_what_is_no_plain_data_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInput, match="plain data"):
        _render("{{ x }}", x=value)


def test_data_without_an_end_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(InvalidInput, match="nested too deeply"):
        _render("{{ x }}", x=circle)


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ x.__class__ }}",
        "{{ x['__class__'].__base__ }}",
        "{{ x | attr('__class__') }}",
        "{{ '{0.__class__}'.format(x) }}",
        "{{ '{a.__class__}'.format_map({'a': x}) }}",
        "{{ ('%s' * 3) % ('a', 'b', 'c') }}",
        "{{ self._TemplateReference__context }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ lipsum.__globals__ }}",
        "{{ namespace() }}",
        "{% set _ = x.append(1) %}",
        "{% set _ = y.update({'a': 1}) %}",
        "{{ x | map(attribute='__class__') | first }}",
        "{% include 'other' %}",
        "{% extends 'other' %}",
        "{% import 'os' as os %}",
        "{{ x | xmlattr }}",
        "{{ range.__globals__ }}",
        "{{ (1).__class__ }}",
        "{{ x.__init__.__globals__ }}",
        "{% for a in x recursive %}{{ loop.__init__ }}{% endfor %}",
    ],
)
def test_there_is_no_way_out_of_the_sandbox(source: str) -> None:
    with pytest.raises(InvalidInput):
        _render(source, x=[1], y={})


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 10 ** 9 }}",
        "{{ 'a' * 1000000000 }}",
        "{{ [1] * 1000000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ 'a'.ljust(1000000000) }}",
        "{{ 'a' | center(1000000000) }}",
        "{{ 'a'.replace('a', 'aa') }}",
        f"{{{{ range({MAX_RANGE + 1}) | list }}}}",
        "{% for a in range(100000000) %}a{% endfor %}",
    ],
)
def test_little_does_not_become_much(source: str) -> None:
    with pytest.raises(InvalidInput):
        _render(source)


def test_a_result_beyond_the_cap_is_refused() -> None:
    with pytest.raises(InvalidInput, match="400 kB"):
        _render("{% for a in range(900) %}{{ x }}{% endfor %}", x="ě" * 300)
    assert len(_render("{{ x }}", x="a" * MAX_OUTPUT)) == MAX_OUTPUT


def test_a_macro_that_calls_itself_is_refused() -> None:
    with pytest.raises(InvalidInput, match="without an end"):
        _render("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}")


def test_a_huge_template_is_refused() -> None:
    with pytest.raises(InvalidInput, match="characters"):
        compile_source("a" * 100_001, [])


def test_scraped_text_is_never_a_template() -> None:
    assert _render("{{ x }}", x="{{ 7 * 7 }}") == "{{ 7 * 7 }}"


def test_rendering_leaves_the_data_as_it_was() -> None:
    data = {"a": [1, {"b": 2}]}
    _render("{% for one in x.a %}{{ one }}{% endfor %}", x=data)
    assert data == {"a": [1, {"b": 2}]}


def test_numbers_may_be_multiplied_and_texts_turned() -> None:
    assert (
        _render("{{ n * 3 }} {{ n % 2 }} {{ x.upper() }} {{ y.get('a') }}", n=5, x="a", y={"a": 1})
        == "15 1 A 1"
    )


def test_a_forbidden_attribute_of_data_is_called_so() -> None:
    with pytest.raises(InvalidInput, match="unsafe"):
        _render("{{ y.__class__ }}", y={})
