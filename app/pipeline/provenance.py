"""What was asked about one entity: its prompt, and whether that is what the answer is to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.pipeline.work import own_templates
from data.errors import TemplateError

if TYPE_CHECKING:
    from app.pipeline.workshop import Scene
    from prompts.template import Message, Template


@dataclass(frozen=True, slots=True)
class Sent:
    """A prompt and what is known of it.

    Attributes:
        messages: As they are rendered at this moment.
        same: Whether they are what the text answers: the key of the request is the row's.
    """

    messages: tuple[Message, ...]
    same: bool


def sent_prompt(scene: Scene, row: Mapping[str, Any]) -> Sent:
    """The prompt that a row of knowledge answers, or what it would be at this moment.

    Args:
        scene: Of the same experiment and side.
        row: Of `Knowledge.table`.

    Raises:
        DataError: the data set does not have the entity.
        TemplateError: the template is not there any more.
        BackendError: the backend cannot be opened.
    """
    from llm.protocol import request_key

    template = _template(scene, str(row["template"]))
    request = scene.request(scene.ids.number(row["entity"]), template)
    return Sent(request.messages, request_key(scene.backend, request) == row["key"])


def _template(scene: Scene, label: str) -> Template:
    """The version that a row names.

    Raises:
        TemplateError: it is not there any more.
    """
    from prompts.template import load_template

    if scene.template.label == label:
        return scene.template
    try:
        return load_template(label, own_templates(scene.plan.workspace))
    except TemplateError:
        raise TemplateError(
            f"The template {label} of this text is not in the workspace any more, so its prompt "
            "cannot be shown."
        ) from None
