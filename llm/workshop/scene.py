"""The prompts of one side of a data set, one by one: what a person looks at while writing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from data.dataset import Dataset
from data.errors import BackendError, TemplateError
from data.ids import IdMap
from data.names import names_of
from llm import backends
from llm.cache import ResponseCache
from llm.lengths import Tokens, count_left_out, prompt_tokens, readable
from llm.protocol import Backend, request_key
from llm.settings import BackendConfig, GateConfig, LlmConfig
from prompts.history import HistoryViews
from prompts.requests import Request, item_facts, request_of
from prompts.template import Message, Side, Template, choose_template, load_template, own_templates
from prompts.variables import Variable, list_variables
from prompts.views import ItemViews, View

WITHOUT_MODEL = ("facts", "replay")
"""Backends that ask no model: they cost nothing, and do not read the prompt."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One prompt.

    Attributes:
        entity: Whom it asks about.
        title: How that is called.
        template: `name@version`.
        messages: What is sent.
        tokens: Of the messages.
        left_out: Items of the history that were cut, for the model cannot hold them.
        note: Why the length could not be looked at; then nothing is cut.
    """

    entity: str
    title: str
    template: str
    messages: tuple[Message, ...]
    tokens: Tokens
    left_out: int = 0
    note: str = ""


@dataclass(frozen=True)
class Scene:
    """The users or items of a data set, as templates see them.

    Attributes:
        side: Who is described.
        dataset: Whose users and items they are.
        views: What may be seen of each, by dense number.
        llm: Who describes them, and which answers are accepted.
        named: The template that their experiment names, as `choose_template` takes it.
        domain: Of the data set.
        workspace: Holds a person's own templates, answers and prices.
        complete: False where users' prompts may show texts of items that are not described yet.
    """

    side: Side
    dataset: Dataset
    views: ItemViews | HistoryViews
    llm: LlmConfig
    named: str
    domain: str
    workspace: Path
    complete: bool = True

    @property
    def gate(self) -> GateConfig | None:
        """What answers must be like; here a rejected one is shown, not asked for again."""
        gate = self.llm.gate_of(self.side)
        return gate.model_copy(update={"retries": 0}) if gate else None

    @property
    def template(self) -> Template:
        """The one that the experiment names."""
        return self.choose_template(None)

    @property
    def backend_config(self) -> Any:
        """Settings of the backend of this side."""
        return getattr(self.llm, self.side)

    @property
    def asks_model(self) -> bool:
        """Whether a language model is asked at all."""
        return self.backend_config.backend not in WITHOUT_MODEL

    @cached_property
    def backend(self) -> Backend:
        """Who describes this side, opened once.

        Raises:
            AutoGraphError: it cannot be opened.
        """
        return backends.open_backend(self.backend_config)

    @property
    def ids(self) -> IdMap:
        """External ids of all entities."""
        return self.dataset.user_ids if self.side == "user" else self.dataset.item_ids

    def choose_template(self, reference: str | None) -> Template:
        """A template of this side by name or path; without one, the experiment's.

        Raises:
            TemplateError: there is none, or it is for the other side.
        """
        folder = own_templates(self.workspace)
        return choose_template(reference or self.named, self.side, self.domain, folder)

    def choose(self, entities: Sequence[str], count: int, seed: int = 0) -> list[int]:
        """Numbers of the entities that are named; where none is, of `count` at random.

        Raises:
            DataError: an id is unknown.
        """
        if entities:
            return [self.ids.number(entity) for entity in entities]
        rng = np.random.default_rng(seed)
        numbers = rng.choice(len(self.ids), min(count, len(self.ids)), replace=False)
        return sorted(numbers.tolist())

    def facts(self, number: int) -> View:
        """What templates see of one entity."""
        return self._facts(self.views[number])

    def whole_request(self, number: int, template: Template) -> Request:
        """The request about one entity, however long it is.

        Raises:
            TemplateError: the template does not fit the data set.
        """
        return request_of(self.side, template, self.facts(number))

    def request(self, number: int, template: Template) -> Request:
        """The request about one entity, as a run sends it.

        Raises:
            TemplateError: the template does not fit the data set.
            BackendError: the length of prompts cannot be looked at.
        """
        (sent,) = self._readable([self.whole_request(number, template)], template)
        return sent

    def requests(self, template: Template) -> Iterable[Request]:
        """The request about every entity as a run sends it, made as it is asked for.

        Raises:
            TemplateError: the template does not fit the data set.
            BackendError: the length of prompts cannot be looked at.
        """
        whole = (request_of(self.side, template, self._facts(view)) for view in self.views)
        return self._readable(whole, template)

    def title(self, number: int) -> str:
        """How an entity is called."""
        return self.titles[number]

    @cached_property
    def titles(self) -> Sequence[str]:
        """How all entities are called."""
        return list(names_of(self.dataset, self.side))

    def find(self, words: str, at_most: int) -> list[int]:
        """Numbers of entities in whose title or id every word stands, whatever its capitals."""
        wanted = words.lower().split()
        named = zip(self.titles, self.ids.external, strict=True)
        texts = (f"{title}\n{entity}".lower() for title, entity in named)
        met = (n for n, text in enumerate(texts) if all(word in text for word in wanted))
        return list(islice(met, at_most))

    def _readable(self, requests: Iterable[Request], template: Template) -> Iterable[Request]:
        return readable(requests, template, self.backend) if self.asks_model else requests

    def _facts(self, view: View) -> View:
        return item_facts(view) if self.side == "item" else view


def with_backend(scene: Scene, config: BackendConfig) -> Scene:
    """The same entities, described by another backend."""
    return replace(scene, llm=scene.llm.model_copy(update={scene.side: config}))


def render(scene: Scene, number: int, template: Template) -> Rendered:
    """The prompt about one entity, as a run sends it.

    Tokens are counted by the model's tokenizer, if it can be had, and estimated otherwise.

    Raises:
        TemplateError: the template does not fit the data set.
    """
    whole, note = scene.whole_request(number, template), ""
    try:
        sent = scene.request(number, template)
        tokens = prompt_tokens(scene.backend if scene.asks_model else None, sent.messages)
    except BackendError as error:
        sent, tokens, note = whole, prompt_tokens(None, whole.messages), str(error)
    called, cut = (sent.entity, scene.title(number), sent.template), count_left_out(whole, sent)
    return Rendered(*called, sent.messages, tokens, cut, note)


def variables(scene: Scene, number: int) -> list[Variable]:
    """What a template may write, with its values for one entity."""
    return list_variables(scene.side, scene.facts(number))


@contextmanager
def asking(scene: Scene) -> Iterator[tuple[Backend, ResponseCache]]:
    """The backend of the scene's side, and the answers of all runs in the workspace."""
    cache = ResponseCache.of(scene.workspace)
    try:
        yield scene.backend, cache
    finally:
        cache.close()


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
    template = _template(scene, str(row["template"]))
    request = scene.request(scene.ids.number(row["entity"]), template)
    return Sent(request.messages, request_key(scene.backend, request) == row["key"])


def _template(scene: Scene, label: str) -> Template:
    """The version that a row names.

    Raises:
        TemplateError: it is not there any more.
    """
    if scene.template.label == label:
        return scene.template
    try:
        return load_template(label, own_templates(scene.workspace))
    except TemplateError:
        raise TemplateError(
            f"The template {label} of this text is not in the workspace any more, so its prompt "
            "cannot be shown."
        ) from None
