"""The base of everything a person types."""

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """Frozen settings: unknown keys are refused, a field's docstring is its help text."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
