"""Every failure that PostHub reports, as one tree.

PostHubError
├── InvalidInput            what the person gave cannot be used (exit status 2)
│   ├── NotFound            an id that is unknown, or belongs to another organization
│   ├── NotTaken            a request to something that goes on as it was
│   └── UnsafeUrl           an address that must not be fetched
├── NotAllowed
│   ├── FeatureNotAvailable the tier, or no provider that is configured, has it
│   ├── LimitExceeded       the tier has less of it
│   ├── BudgetExceeded      the hold does not fit into what is left of the budget
│   └── UnknownPrice        a call whose price is unknown is refused, not free
├── ProviderError           a paid call did not bring what was asked
│   ├── ProviderRefused     the request or the key was refused; nothing was bought
│   ├── ProviderBusy        429 or 5xx before an answer; nothing was bought
│   ├── ProviderUnreachable the request never left
│   ├── AnswerInDoubt       sent, and no whole answer came back: it may have been billed
│   ├── BadOutput           billed, but no use: broken JSON, wrong schema, empty
│   ├── ContentBlocked      the provider's safety rules stopped it
│   ├── OutputTruncated     the answer hit the token limit
│   └── MediaJobFailed      an image or video job ended without a file
├── FetchFailed             a public page or media file could not be read
└── InfrastructureError
    ├── StoreUnavailable    PostgreSQL or Redis does not answer
    └── StorageFull         a file could not be written
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar


class MoneyState(StrEnum):
    """What a failure did to money."""

    NONE = "none"
    HELD = "held"
    SPENT = "spent"
    LOST = "lost"


class PostHubError(RuntimeError):
    """Root of the tree. The LangGraph server passes on what a RuntimeError says, and hides what others say.

    Args:
        message: What failed and why, in one sentence, without secrets.
        next_step: What the person can do about it, in one sentence.
        money: What the failure did to money.
        **details: Plain JSON values for logs and ``--json``.
    """

    code: ClassVar[str] = "ERROR"
    retryable: ClassVar[bool] = False
    exit_status: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        next_step: str = "",
        money: MoneyState = MoneyState.NONE,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        self.money = money
        self.details = details

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}".strip()

    def as_json(self) -> dict[str, Any]:
        """Plain JSON: code, message, next_step, money, retryable and the details."""
        return {
            "code": self.code,
            "message": self.message,
            "next_step": self.next_step,
            "money": self.money.value,
            "retryable": self.retryable,
            **self.details,
        }

    def _asdict(self) -> dict[str, Any]:
        """As the LangGraph server tells its clients: name and words where they look for them, and the rest."""
        return {**self.as_json(), "error": type(self).__name__, "message": str(self)}


class InvalidInput(PostHubError):
    code = "INVALID_INPUT"
    exit_status = 2


class NotTaken(InvalidInput):
    code = "NOT_TAKEN"


class NotFound(InvalidInput):
    code = "NOT_FOUND"


class UnsafeUrl(InvalidInput):
    code = "URL_NOT_ALLOWED"


class NotAllowed(PostHubError):
    code = "NOT_ALLOWED"
    exit_status = 2


class FeatureNotAvailable(NotAllowed):
    code = "FEATURE_NOT_AVAILABLE"


class LimitExceeded(NotAllowed):
    code = "LIMIT_EXCEEDED"


class BudgetExceeded(NotAllowed):
    code = "BUDGET_EXCEEDED"
    exit_status = 1


class UnknownPrice(NotAllowed):
    code = "UNKNOWN_PRICE"
    exit_status = 1


class ProviderError(PostHubError):
    code = "AI_SERVICE_ERROR"


class ProviderRefused(ProviderError):
    code = "AI_SERVICE_REFUSED"


class ProviderBusy(ProviderError):
    code = "AI_SERVICE_BUSY"
    retryable = True


class ProviderUnreachable(ProviderError):
    code = "AI_SERVICE_UNREACHABLE"
    retryable = True


class AnswerInDoubt(ProviderError):
    code = "AI_ANSWER_IN_DOUBT"


class BadOutput(ProviderError):
    code = "AI_BAD_OUTPUT"


class ContentBlocked(ProviderError):
    code = "AI_CONTENT_BLOCKED"


class OutputTruncated(ProviderError):
    code = "AI_OUTPUT_TRUNCATED"


class MediaJobFailed(ProviderError):
    code = "MEDIA_JOB_FAILED"


class FetchFailed(PostHubError):
    code = "FETCH_FAILED"
    retryable = True


class InfrastructureError(PostHubError):
    code = "INFRASTRUCTURE_ERROR"


class StoreUnavailable(InfrastructureError):
    code = "STORE_UNAVAILABLE"
    retryable = True


class StorageFull(InfrastructureError):
    code = "STORAGE_FULL"
