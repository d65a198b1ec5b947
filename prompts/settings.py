"""Settings of the prompts stage."""

from pydantic import Field

from data.config import Config


class PromptConfig(Config):
    """Which templates describe users and items, and how much of a history they show."""

    user_template: str = "auto"
    """Name of a template ("mine" for its latest version, "mine@2" for that one), path of a template
    file, or "auto": the one that ships for the data's domain."""
    item_template: str = "auto"
    """Name of a template ("mine" for its latest version, "mine@2" for that one), path of a template
    file, or "auto": the one that ships for the data's domain."""
    history: int = Field(default=30, ge=1)
    """Most recent training items that a user's prompt shows."""
