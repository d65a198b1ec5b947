"""The base of everything a person types."""

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """Frozen settings: unknown keys, NaN and infinities are refused; docstrings are help texts."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )
