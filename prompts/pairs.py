"""One request a pair of items: how alike are they?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from data.errors import TemplateError
from prompts.requests import Request
from prompts.template import SHIPPED, Template, load_template
from prompts.views import View

SIMILAR_PAIR = SHIPPED / "pairs" / "similar-pair.md"
"""The template that ships: four examples, then the pair (AutoGraph, appendix D)."""
SCORE = "score"
"""What an answer holds: a number, its least and most set by the template's schema."""
_BETWEEN = "|"


def pair_template(setting: str) -> Template:
    """The template that judges pairs; "auto" is the one that ships, anything else a path.

    Raises:
        TemplateError: there is none, or its schema does not ask for a score between two numbers.
    """
    template = load_template(SIMILAR_PAIR if setting == "auto" else setting)
    score_range(template)
    return template


def score_range(template: Template) -> tuple[float, float]:
    """The least and the greatest score that an answer may give.

    Raises:
        TemplateError: the schema sets none.
    """
    asked = (template.schema or {}).get("properties", {}).get(SCORE, {})
    low, high = asked.get("minimum"), asked.get("maximum")
    if low is None or high is None or not low < high:
        raise TemplateError(
            f"The template {template.source} must ask for a {SCORE}. Give its front matter a "
            f"schema with properties: {SCORE}: with a minimum and a greater maximum."
        )
    return float(low), float(high)


def pair_requests(
    views: Sequence[View], pairs: np.ndarray, template: Template
) -> Iterator[Request]:
    """A request a pair, in their order, made as it is asked for.

    Templates see `one` and `other`, each with `id`, `title`, `year`, `era`, `description`, `text`,
    `gist` and `attributes`. The entity of a request is both external ids with "|" between
    them.

    Args:
        views: What may be seen of each item, by dense number.
        pairs: (p, 2) dense numbers of items.
        template: From `pair_template`.

    Raises:
        TemplateError: the template does not fit the data set.
    """
    for one, other in pairs.tolist():
        both = {"one": views[one], "other": views[other]}
        facts = {name: dict(view) for name, view in both.items()}
        entity = _BETWEEN.join(view.entity for view in both.values())
        messages = template.render(facts)
        yield Request("item", entity, messages, template.label, facts, template.schema)
