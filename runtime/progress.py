"""What the layers below the graph have to tell whoever watches a run."""

from __future__ import annotations

import logging

from langgraph.config import get_stream_writer

from gateway.limits.limiter import Wait

log = logging.getLogger(__name__)


def tell_of_wait(wait: Wait) -> None:
    """Put a call's wait for a rate limit on the run's custom stream; outside of a run only in the log."""
    event = {
        "event": "wait",
        "node": wait.call.node,
        "item": wait.call.item,
        "provider": wait.provider,
        "position": wait.position,
        "seconds": round(wait.seconds, 1),
        "limit": wait.limit,
        "window_seconds": wait.window_seconds,
    }
    log.info("waiting for a place in a rate limit", extra={"wait": event})
    try:
        get_stream_writer()(event)
    except RuntimeError:  # not inside of a run
        return
