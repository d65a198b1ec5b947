"""The prompts of one side of an experiment, one by one: what a person looks at while writing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from app.pipeline.overrides import texts_by_hand
from app.pipeline.plan import Plan
from app.pipeline.runner import Listener, run_steps
from app.pipeline.work import template_of
from data.errors import BackendError

if TYPE_CHECKING:
    from data.dataset import Dataset
    from data.ids import IdMap
    from llm.cache import ResponseCache
    from llm.lengths import Tokens
    from llm.protocol import Backend
    from llm.settings import BackendConfig, GateConfig
    from prompts.history import HistoryViews
    from prompts.requests import Request
    from prompts.template import Message, Side, Template
    from prompts.variables import Variable
    from prompts.views import ItemViews, View

WITHOUT_MODEL = ("facts", "replay")
"""Backends that ask no model: they cost nothing, and do not read the prompt."""


class Quiet:
    """A listener that nobody hears."""

    def progress(self, step: str, done: int, total: int, what: str) -> None:
        """Nothing."""

    def finished(self, step: str, seconds: float | None, summary: Mapping[str, Any]) -> None:
        """Nothing."""


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
    """The users or items of an experiment, as templates see them.

    Attributes:
        plan: Of the experiment.
        side: Who is described.
        dataset: Of the experiment.
        views: What may be seen of each, by dense number.
        complete: False where users' prompts may show texts of items that are not described yet.
    """

    plan: Plan
    side: Side
    dataset: Dataset
    views: ItemViews | HistoryViews
    complete: bool = True

    @property
    def gate(self) -> GateConfig | None:
        """What answers must be like; here a rejected one is shown, not asked for again."""
        gate = self.plan.experiment.llm.gate_of(self.side)
        return gate.model_copy(update={"retries": 0}) if gate else None

    @property
    def template(self) -> Template:
        """The one that the experiment names."""
        return template_of(self.plan.experiment, self.side, self.plan.workspace)

    @property
    def backend_config(self) -> Any:
        """Settings of the backend of this side."""
        return getattr(self.plan.experiment.llm, self.side)

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
        from llm.backends import open_backend

        return open_backend(self.backend_config)

    @property
    def ids(self) -> IdMap:
        """External ids of all entities."""
        return self.dataset.user_ids if self.side == "user" else self.dataset.item_ids

    def choose_template(self, reference: str | None) -> Template:
        """A template of this side by name or path; without one, the experiment's.

        Raises:
            TemplateError: there is none, or it is for the other side.
        """
        return template_of(self.plan.experiment, self.side, self.plan.workspace, reference)

    def choose(self, entities: Sequence[str], count: int, seed: int = 0) -> list[int]:
        """Numbers of the entities that are named; where none is, of `count` at random.

        Raises:
            DataError: an id is unknown.
        """
        import numpy as np

        if entities:
            return [self.ids.number(entity) for entity in entities]
        rng = np.random.default_rng(seed)
        numbers = rng.choice(len(self.ids), min(count, len(self.ids)), replace=False)
        return sorted(numbers.tolist())

    def facts(self, number: int) -> View:
        """What templates see of one entity."""
        return self._seen(self.views[number])

    def whole_request(self, number: int, template: Template) -> Request:
        """The request about one entity, however long it is.

        Raises:
            TemplateError: the template does not fit the data set.
        """
        from prompts.requests import request_of

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
        from prompts.requests import request_of

        whole = (request_of(self.side, template, self._seen(view)) for view in self.views)
        return self._readable(whole, template)

    def title(self, number: int) -> str:
        """How an entity is called."""
        return self.titles[number]

    @cached_property
    def titles(self) -> Sequence[str]:
        """How all entities are called."""
        from data.names import item_names, user_names

        if self.side == "user":
            return list(user_names(self.dataset.users))
        return list(item_names(self.dataset.items))

    def find(self, words: str, at_most: int) -> list[int]:
        """Numbers of entities in whose title or id every word stands, whatever its capitals."""
        from itertools import islice

        wanted = words.lower().split()
        named = zip(self.titles, self.ids.external, strict=True)
        texts = (f"{title}\n{entity}".lower() for title, entity in named)
        met = (n for n, text in enumerate(texts) if all(word in text for word in wanted))
        return list(islice(met, at_most))

    def _readable(self, requests: Iterable[Request], template: Template) -> Iterable[Request]:
        from llm.lengths import readable

        return readable(requests, template, self.backend) if self.asks_model else requests

    def _seen(self, view: View) -> View:
        from prompts.requests import item_facts

        return item_facts(view) if self.side == "item" else view


def open_scene(plan: Plan, side: Side, listener: Listener | None = None) -> Scene:
    """The users or items of an experiment; what has to be read first is read, nobody is asked.

    Raises:
        AutoGraphError: the data cannot be read.
    """
    from data.dataset import Dataset
    from data.split import Split
    from prompts.history import HistoryViews
    from prompts.views import ItemViews

    told = listener or Quiet()
    run_steps(plan, plan.steps("dataset" if side == "item" else "split"), told)
    place = {name: plan.store.place(name, plan.step(name).key) for name in ("dataset", "split")}
    dataset = Dataset.load(place["dataset"])
    if side == "item":
        return Scene(plan, side, dataset, ItemViews(dataset.items))
    texts, complete = _item_texts(plan, told)
    history = plan.experiment.prompts.history
    views = HistoryViews(dataset, Split.load(place["split"]), history, texts)
    return Scene(plan, side, dataset, views, complete)


def with_backend(scene: Scene, config: BackendConfig) -> Scene:
    """The same entities, described by another backend."""
    experiment = scene.plan.experiment
    llm = experiment.llm.model_copy(update={scene.side: config})
    plan = Plan(experiment.model_copy(update={"llm": llm}), scene.plan.workspace)
    return replace(scene, plan=plan)


def render(scene: Scene, number: int, template: Template) -> Rendered:
    """The prompt about one entity, as a run sends it.

    Tokens are counted by the model's tokenizer, if it can be had, and estimated otherwise.

    Raises:
        TemplateError: the template does not fit the data set.
    """
    from llm.lengths import left_out, prompt_tokens

    whole, note = scene.whole_request(number, template), ""
    try:
        sent = scene.request(number, template)
        tokens = prompt_tokens(scene.backend if scene.asks_model else None, sent.messages)
    except BackendError as error:
        sent, tokens, note = whole, prompt_tokens(None, whole.messages), str(error)
    called, cut = (sent.entity, scene.title(number), sent.template), left_out(whole, sent)
    return Rendered(*called, sent.messages, tokens, cut, note)


def variables(scene: Scene, number: int) -> list[Variable]:
    """What a template may write, with its values for one entity."""
    from prompts.variables import list_variables

    return list_variables(scene.side, scene.facts(number))


@contextmanager
def asking(scene: Scene) -> Iterator[tuple[Backend, ResponseCache]]:
    """The backend of the scene's side, and the answers of all runs in the workspace."""
    from llm.cache import ResponseCache

    cache = ResponseCache.of(scene.plan.workspace)
    try:
        yield scene.backend, cache
    finally:
        cache.close()


def _item_texts(plan: Plan, listener: Listener) -> tuple[list[str | None] | None, bool]:
    """Texts of the items as users' prompts may show them, and whether all are there."""
    from llm.knowledge import Knowledge

    if "knowledge-item" not in plan.step("knowledge-user").inputs:
        return None, True
    step = plan.step("knowledge-item")
    free = plan.experiment.llm.item.backend in WITHOUT_MODEL
    if free:
        run_steps(plan, plan.steps("knowledge-item"), listener)
    if free or plan.store.sound(step.stage, step.key):
        return Knowledge.load(plan.store.place(step.stage, step.key)).texts, True
    return answered_texts(open_scene(plan, "item", listener))


def answered_texts(items: Scene) -> tuple[list[str | None], bool]:
    """What is known already of each item, by hand or from the cache, and whether that is all."""
    from llm.protocol import request_key

    with asking(items) as (backend, cache):
        keys = [request_key(backend, request) for request in items.requests(items.template)]
        found = {row[0]: row[1] for row in cache.rows(dict.fromkeys(keys))}
    by_hand = texts_by_hand(items.plan.experiment, "item", items.plan.workspace)
    entities = items.ids.external
    texts = [by_hand.get(one) or found.get(key) for one, key in zip(entities, keys, strict=True)]
    return texts, None not in texts
