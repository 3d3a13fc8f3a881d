"""Tells observers what happens to money, where it happens: the ledger's own transitions, the pipeline's waits.

Observers are of the process, like its log. Whatever one of them does wrong is written down and changes nothing:
a metric that fails must not fail a booking.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from domain.calls import Call, Usage

if TYPE_CHECKING:
    from store.money.ledger import Hold

_log = logging.getLogger(__name__)


class Observer:
    """What can be observed; each does nothing unless it is overridden. None of them is given prompt text."""

    def held(self, hold: Hold) -> None:
        """An attempt's row was opened, and its bytes are about to leave."""

    def answered(self, attempt_id: str, answer: Mapping[str, Any]) -> None:
        """A provider answered: ``model`` and ``id`` as it named them, ``finish`` as the reason why it stopped."""

    def closed(
        self,
        attempt_id: str,
        *,
        state: str,
        basis: str | None,
        cost_micro: int | None,
        usage: Usage,
        error_code: str | None,
    ) -> None:
        """An attempt's row was closed; ``cost_micro`` None means all that was held.

        May be told again where the commit had to be repeated.
        """

    def refused(self, hold: Hold) -> None:
        """A hold did not fit into a budget; nothing was sent."""

    def replayed(self, call: Call) -> None:
        """The journal had the answer already."""

    def cache_hit(self, call: Call, provider: str, saved_micro: int) -> None:
        """A cache answered instead of a provider."""

    def waited(self, call: Call, provider: str, seconds: float) -> None:
        """A call had its place in the rate limit after so many seconds."""

    def breaker(self, deployment: str, is_open: bool) -> None:
        """The breaker of a deployment was opened or closed by this process."""


_observers: list[Observer] = []


def watch(observer: Observer) -> Callable[[], None]:
    """Let an observer be told from now on; call what is returned to end that."""
    _observers.append(observer)
    return lambda: _observers.remove(observer) if observer in _observers else None


def tell(what: Callable[[Observer], None]) -> None:
    """Tell every observer."""
    for observer in tuple(_observers):
        try:
            what(observer)
        except Exception:
            _log.warning("An observer failed; nothing else is affected.", exc_info=True)


def tell_closed(values: Mapping[str, Any]) -> None:
    """Tell what an attempt was closed with: the values of the ledger's statement."""
    usage = Usage(**{field.name: values[field.name] for field in fields(Usage)})
    known = {name: values[name] for name in ("state", "basis", "error_code")}
    tell(lambda observer: observer.closed(values["id"], cost_micro=values["cost"], usage=usage, **known))
