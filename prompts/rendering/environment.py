"""What a template may do: less than Jinja2 offers, and none of it makes much out of little."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined, Undefined, pass_context
from jinja2.exceptions import SecurityError
from jinja2.filters import sync_do_map
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from domain.content.fencing import fence, line
from domain.text import nearest

MAX_RANGE = 1_000

_FILTERS = """
    capitalize count d default dictsort first float int items join last length list lower map reject rejectattr
    replace round select selectattr sort string sum title tojson trim truncate unique upper wordcount
"""
_TESTS = """
    boolean defined divisibleby eq equalto even false float ge gt greaterthan in integer iterable le lessthan
    lower lt mapping ne none number odd sequence string true undefined upper
"""
_METHODS: Mapping[type, frozenset[str]] = {
    str: frozenset(("capitalize", "endswith", "lower", "startswith", "strip", "title", "upper")),
    dict: frozenset(("get", "items", "keys", "values")),
    list: frozenset(("count", "index")),
}


class _Missing(StrictUndefined):
    """Names the nearest field of the object that lacks one."""

    @property
    def _undefined_message(self) -> str:
        owner, name = self._undefined_obj, str(self._undefined_name)
        if self._undefined_hint or not isinstance(owner, dict):
            return super()._undefined_message
        known = [str(key) for key in owner]
        meant = nearest(name, known)
        return f"there is no field {name!r}" + (f"; did you mean {meant!r}?" if meant else "")


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(("*", "**", "%"))

    def __init__(self) -> None:
        super().__init__(undefined=_Missing, trim_blocks=True, lstrip_blocks=True, autoescape=False)
        self.filters = {name: one for name, one in self.filters.items() if name in _FILTERS.split()}
        self.filters |= {"fence": fence, "line": line, "map": _map}
        self.tests = {name: one for name, one in self.tests.items() if name in _TESTS.split()}
        self.globals = {"range": _range}

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Repetition, powers and formatting make much out of little: numbers may be multiplied, that is all."""
        numbers = all(isinstance(one, int | float) for one in (left, right))
        if operator == "**" or not numbers:
            raise SecurityError(f"the operator {operator} is not allowed on these values")
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A field of the data goes before a method of dict: ``company_dna.values`` is meant as it reads."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, str | dict | list) and callable(value):
            return attr in _METHODS.get(type(obj), frozenset())
        return super().is_safe_attribute(obj, attr, value)


@pass_context
def _map(context: Context, values: Iterable[Any], *names: Any, **options: Any) -> Iterator[Any]:
    """Jinja2's own makes a silent gap of a field that is not there."""
    for one in sync_do_map(context, values, *names, **options):
        if isinstance(one, Undefined):
            str(one)
        yield one


def _range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > MAX_RANGE:
        raise SecurityError(f"range() gives at most {MAX_RANGE} numbers")
    return numbers


environment = _Environment()
