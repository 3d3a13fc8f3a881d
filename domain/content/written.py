"""What everything that is written has in common; apart from `domain.text`, which loads without pydantic."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel

from domain.text import normal_json


class Content(BaseModel):
    """Base of everything that is written: camelCase outside, snake_case inside, both are read."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        frozen=True,
        str_strip_whitespace=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _normal(cls, value: Any) -> Any:
        """Bring every text into the form in which it is counted; what no text may hold is refused, not dropped."""
        return normal_json(value, refuse=True)

    def plain(self) -> dict[str, Any]:
        """Plain JSON under the outside names; what is stored and what templates are given."""
        return self.model_dump(mode="json", by_alias=True)
