"""Fusion: a trained recommender whose scores what paths say of an item are added to.

A path leads from the latest items of a history to others: through people who had both, words that
stand in both titles, the likeness of texts, or latent factors. Each is a score by itself (late
fusion); how much it weighs is fitted on validation, when the recommender is trained.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
import torch
from scipy.optimize import minimize
from torch import Tensor

from data.dataset import Histories
from data.errors import ConfigError, DataError
from recommend.features import Bags
from recommend.protocols import Answers, Asked, Code, Grows, Opens, Recommender, Surveys, World
from recommend.settings.fusion import READ, FusionConfig
from recommend.settings.item_knn import ItemKnnConfig
from recommend.settings.text_knn import TextKnnConfig
from recommend.simple.behaviour import ItemKnn, matrix_of, weighted_histories
from recommend.simple.scorer import USERS_AT_ONCE, Scorer
from recommend.simple.texts import TextKnn

if TYPE_CHECKING:
    from graph import LatentGraph

MOST_SCORES = 2**25
"""Scores of a part that are held at a time while weights are fitted: fewer users where there are
many items, and 128 MB for each part."""
LEAST_USERS = 512
STEPS = 60
"""Of L-BFGS at most."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """s_i = Σ_k (w_k + v_k · n_i / (n_i + doubt)) · s_ik / σ_k over the recommender and its paths.

    n_i counts training interactions of item i. w and v make what was wanted on validation most
    likely, under a softmax over all items that a user has not had: a conditional logit.

    Source: late fusion of scores; McFadden, Conditional logit analysis of qualitative choice
    behavior, 1974.

    Attributes:
        upon: The trained recommender, whose scores come first.
        paths: What further scores come from, by kind of evidence.
        weights: (1 + paths, 2) float32, w and v, both divided by σ.
        spreads: (1 + paths,) float32, σ.
        known: (n_items,) float32, n / (n + doubt).
        halves: The same with weights of users of even numbers, and of odd ones; not stored.
    """

    upon: Recommender
    paths: Mapping[str, Scorer]
    weights: np.ndarray
    spreads: np.ndarray
    known: np.ndarray
    halves: tuple[Fusion, ...] = ()

    @classmethod
    def fit(cls, upon: Recommender, config: FusionConfig, world: World) -> Fusion:
        """Paths of training interactions and texts, weighed on validation.

        Raises:
            ConfigError: what a path leads through is not there, or there is no validation.
        """
        if world.wanted is None:
            raise ConfigError("Fusion weighs its evidence on validation, and there is none.")
        n_items = world.dataset.n_items
        paths: dict[str, Scorer] = {kind: _path(kind, config, world) for kind in config.evidence}
        count = np.bincount(world.histories.items, minlength=n_items).astype(np.float32)
        nothing = np.zeros((1 + len(paths), 2), np.float32)
        fusion = cls(upon, paths, nothing, nothing[:, 0], count / (count + config.doubt))
        lengths = world.histories.lengths
        users = np.flatnonzero(lengths)
        most = max(LEAST_USERS, MOST_SCORES // n_items)
        users = users[
            :: -(-len(users) // most) | 1
        ]  # an odd step: both folds of `halves` have some
        parts = fusion._parts(Asked(world.histories, users))
        wanted = world.wanted[users]
        seen = weighted_histories(world.histories, users, n_items).astype(bool).toarray()
        seen[np.arange(len(users)), wanted] = False

        def fitted(some: np.ndarray) -> Fusion:
            told = fit_weights(
                [part[some] for part in parts],
                *(fusion.known, seen[some], wanted[some], config.shrinkage),
            )
            return replace(fusion, weights=told[0], spreads=told[1])

        every = np.arange(len(users))
        sides = [every[users % 2 == side] for side in (0, 1)]
        halves = tuple(fitted(some if len(some) else every) for some in sides)
        return replace(fitted(every), halves=halves)

    @property
    def held_out(self) -> HeldOut:
        """What judges it on validation: everybody's scores by weights that others' choices gave."""
        return HeldOut(self.halves or (self, self))

    @classmethod
    def restore(
        cls, config: FusionConfig, arrays: dict[str, np.ndarray], upon: Recommender
    ) -> Fusion:
        """As stored, upon a recommender."""
        parts: dict[str, dict[str, np.ndarray]] = {}
        for name, array in arrays.items():
            of, _, part = name.rpartition("/")
            parts.setdefault(of, {})[part] = array
        own = parts.pop("")
        paths: dict[str, Scorer] = {
            kind: _restored(kind, config, parts[kind]) for kind in config.evidence
        }
        return cls(upon, paths, own["weights"], own["spreads"], own["known"])

    def arrays(self) -> dict[str, np.ndarray]:
        """The weights, and what the paths lead through."""
        found = {name: getattr(self, name) for name in ("weights", "spreads", "known")}
        for kind, path in self.paths.items():
            found |= {f"{kind}/{name}": array for name, array in path.arrays().items()}
        return found

    @property
    def network(self) -> Any:
        """That of the recommender: its weights are stored with it."""
        return self.upon.network

    @property
    def by_part(self) -> dict[str, tuple[float, float]]:
        """What "model" and each path weigh, in σ, for items nobody had and for those many had."""
        told = np.cumsum(self.weights, 1) * self.spreads[:, None]
        names = ("model", *self.paths)
        return {name: (float(a), float(b)) for name, (a, b) in zip(names, told, strict=True)}

    def opened(self) -> Fused:
        """The recommender and its paths, once all is done that answers share.

        Raises:
            DataError: the recommender shares nothing.
        """
        if not isinstance(self.upon, Opens):
            raise DataError("What this recommender stands upon cannot be opened.")
        return Fused(self.upon.opened(), self)

    def scores(self, asked: Asked) -> Iterator[tuple[np.ndarray, Tensor]]:
        """User numbers and their (b, n_items) scores, a block of users at a time."""
        for users, first in self.upon.scores(asked):
            yield users, self._sum(first, asked.histories, np.asarray(users))

    def _sum(self, first: Tensor, past: Histories, users: np.ndarray) -> Tensor:
        """(b, n_items) of the recommender's."""
        weights = self._item_weights(first.device)
        total = first * weights[0]
        for weight, path in zip(weights[1:], self.paths.values(), strict=True):
            said = torch.from_numpy(np.asarray(path.score(past, users), np.float32))
            total.addcmul_(said.to(first.device), weight.expand_as(total))
        return total

    def _item_weights(self, device: torch.device) -> Tensor:
        """(1 + paths, n_items) what each part weighs for each item."""
        return torch.from_numpy(self.weights[:, :1] + self.weights[:, 1:] * self.known).to(device)

    def _parts(self, asked: Asked) -> list[Tensor]:
        """(b, n_items) scores of the recommender and of each path, for users asked about."""
        self.network.eval()
        with torch.inference_mode():
            first = torch.cat([scores.cpu() for _, scores in self.upon.scores(asked)])
        return [
            first,
            *(
                torch.from_numpy(
                    np.concatenate(
                        [
                            np.asarray(path.score(asked.histories, some), np.float32)
                            for some in _blocks(asked.users)
                        ]
                    )
                )
                for path in self.paths.values()
            ),
        ]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Scores of users by weights that were fitted to other users' choices (two folds).

    Attributes:
        halves: Fitted to users of even numbers, and of odd ones.
    """

    halves: tuple[Fusion, ...]

    @property
    def network(self) -> Any:
        """That of the recommender."""
        return self.halves[0].network

    def scores(self, asked: Asked) -> Iterator[tuple[np.ndarray, Tensor]]:
        """User numbers and their (b, n_items) scores, a block of users at a time."""
        for side, other in enumerate(self.halves[::-1]):
            users = asked.users[asked.users % 2 == side]
            if len(users):
                yield from other.scores(replace(asked, users=users))


@dataclass(frozen=True, slots=True)
class Fused:
    """What answers at once, in place of a fused recommender.

    Attributes:
        answers: Of the recommender that it stands upon.
        fusion: Its paths and weights; newcomers stand at their ends.
    """

    answers: Answers
    fusion: Fusion

    @property
    def n_items(self) -> int:
        """Items that are ranked, newcomers included."""
        return self.answers.n_items

    def users(self, histories: Histories) -> Tensor:
        """(n_users, k, d) vectors of all users, as the recommender has them.

        Raises:
            DataError: it has none.
        """
        return self._surveying.users(histories)

    def scored(self, vectors: Tensor, histories: Histories, users: np.ndarray) -> Tensor:
        """(b, n_items) scores of users by their vectors, and by what paths say."""
        return self.fusion._sum(self._surveying.scored(vectors, histories, users), histories, users)

    @property
    def _surveying(self) -> Surveys:
        if not isinstance(self.answers, Surveys):
            raise DataError("What this recommender stands upon has no vectors of users.")
        return self.answers

    def after(
        self, user: int, histories: Sequence[np.ndarray], known: np.ndarray
    ) -> Iterator[Tensor]:
        """(n_items,) scores of all items for one user after each of several histories."""
        lengths = [len(one) for one in histories]
        items = np.concatenate(histories).astype(np.int32)
        past = Histories(np.concatenate([[0], np.cumsum(lengths)]), items, np.arange(len(items)))
        for at, first in enumerate(self.answers.after(user, histories, known)):
            yield self.fusion._sum(first[None], past, np.array([at]))[0]

    def with_item(
        self,
        codes: Code | None,
        attributes: Bags,
        alike: np.ndarray | None,
        vector: np.ndarray | None,
        had: np.ndarray | None,
        said: np.ndarray | None = None,
    ) -> Fused:
        """The same with one more item, whose number is the old `n_items`.

        Raises:
            DataError: the recommender, or a path, can say nothing about the item.
        """
        grown = _growing(self.answers).with_item(codes, attributes, alike, vector, had, said)
        known = {"words": said, "vectors": vector, "factors": codes}
        paths = {
            kind: _with_item(kind, path, known.get(kind))
            for kind, path in self.fusion.paths.items()
        }
        nobody = np.append(self.fusion.known, np.float32(0))
        return Fused(grown, replace(self.fusion, paths=paths, known=nobody))

    def with_user(
        self, codes: Code | None, attributes: Bags, vector: np.ndarray | None
    ) -> tuple[Fused, int, str]:
        """The same with one more user, the user's number, and a note."""
        grown, number, note = _growing(self.answers).with_user(codes, attributes, vector)
        return replace(self, answers=grown), number, note


def _growing(answers: Answers) -> Grows:
    if not isinstance(answers, Grows):
        raise DataError("What this recommender stands upon takes no newcomers.")
    return answers


def _with_item(kind: str, path: Scorer, told: Code | None) -> Scorer:
    """A path to one more item, which nobody had.

    Args:
        kind: Of the evidence.
        path: To the others.
        told: What is known of the item: weights of words, a vector, or codes.
    """
    if isinstance(path, ItemKnn):
        similar = path.similar.copy()
        similar.resize(similar.shape[0] + 1, similar.shape[1] + 1)
        return replace(path, similar=similar)
    assert isinstance(path, TextKnn)
    known = path.vectors
    if told is not None and kind == "vectors":
        row = np.asarray(told, np.float32)
        row = row / (np.linalg.norm(row) or 1.0)
        return replace(path, vectors=np.vstack([known, row]))
    if told is not None and kind == "words":
        row = sp.csr_matrix(np.asarray(told, np.float32)[None])
        return replace(path, vectors=sp.vstack([known, row], format="csr"))
    if told is not None:
        sizes = np.asarray((known != 0).sum(0)).ravel()
        k = known.shape[1] // len(told)
        nodes = np.asarray(told) + k * np.arange(len(told))
        weight = np.maximum(sizes[nodes], 1).astype(np.float32) ** -0.25
        row = sp.csr_matrix(
            (weight / np.linalg.norm(weight), (np.zeros(len(nodes), np.int64), nodes)),
            shape=(1, known.shape[1]),
        )
        return replace(path, vectors=sp.vstack([known, row], format="csr"))
    raise DataError(
        f"Fusion cannot place a new item, whose {kind} it is not told. Ask one without "
        f"{kind!r} in model.enhancer.evidence."
    )


def fit_weights(
    parts: Sequence[Tensor],
    known: np.ndarray,
    seen: np.ndarray,
    wanted: np.ndarray,
    shrinkage: float,
) -> tuple[np.ndarray, np.ndarray]:
    """(parts, 2) float32 w and v, each divided by σ, and (parts,) σ; see `Fusion`.

    Args:
        parts: (b, n_items) float32 scores each.
        known: (n_items,) how well each item is known, 0 to 1.
        seen: (b, n_items) what is not ranked; never what is wanted.
        wanted: (b,) items.
        shrinkage: Times the sum of squares of w and v is added to the mean loss.
    """
    spreads = [float(part.std()) or 1.0 for part in parts]
    row, target = torch.arange(len(wanted)), torch.from_numpy(np.asarray(wanted, np.int64))
    hidden = torch.from_numpy(seen)
    scale = torch.tensor(spreads)[:, None]
    often = torch.from_numpy(known)
    total = torch.empty_like(parts[0])

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = torch.from_numpy(flat.reshape(-1, 2)).float()
        of_items = (weights[:, :1] + weights[:, 1:] * often) / scale
        total.zero_()
        for part, weight in zip(parts, of_items, strict=True):
            total.addcmul_(part, weight.expand_as(part))
        total.masked_fill_(hidden, -torch.inf)
        own = total[row, target]
        norm = total.logsumexp(1)
        mean = float((norm - own).mean())
        total.sub_(norm[:, None]).exp_()  # what each item is taken to be worth
        total[row, target] -= 1
        by_item = torch.stack([(total * part).sum(0) for part in parts]) / scale / len(wanted)
        slope = torch.stack([by_item.sum(1), by_item @ often], 1).double().numpy()
        penalty = shrinkage * float((flat**2).sum())
        return mean + penalty, slope.ravel() + 2 * shrinkage * flat

    start = np.zeros((len(parts), 2))
    start[0, 0] = spreads[0]  # the recommender alone, as it was trained
    found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    weights: np.ndarray = found.x.reshape(-1, 2) / np.array(spreads)[:, None]
    return weights.astype(np.float32), np.array(spreads, np.float32)


def _blocks(users: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(users), USERS_AT_ONCE):
        yield users[start : start + USERS_AT_ONCE]


def _text_config(config: FusionConfig) -> TextKnnConfig:
    return TextKnnConfig(text_recency=config.recency, text_last=config.last)


def _item_config(config: FusionConfig) -> ItemKnnConfig:
    return ItemKnnConfig(recency=config.recency)


def _path(kind: str, config: FusionConfig, world: World) -> Scorer:
    """What a kind of evidence says, from training interactions and texts."""
    n_items, found = world.dataset.n_items, world.sources.part(READ[kind])  # type: ignore[index]
    if kind == "items":
        return ItemKnn.fit(world.histories, n_items, _item_config(config))
    if found is None:
        raise ConfigError(
            f"Fusion finds no {kind} of items to compare. Describe the items, or leave {kind!r} "
            "out of model.enhancer.evidence."
        )
    if kind == "words":
        settings = _text_config(config).model_copy(update={"texts": "words"})
        return TextKnn.of_world(settings, world)
    if kind == "vectors":
        return TextKnn.of_vectors(found - found.mean(0), _text_config(config))
    return TextKnn(factor_rows(found), _text_config(config))


def factor_rows(graph: LatentGraph) -> sp.csr_matrix:
    """(n_items, factors) float32 rows whose products are what two items share.

    A factor of m items that both have adds 1 / √m, on every level; rows have length 1.
    """
    nodes = graph.item_codes + graph.item_k * np.arange(graph.item_codes.shape[1])
    sizes = np.bincount(nodes.ravel(), minlength=graph.item_k * nodes.shape[1])
    weight = np.maximum(sizes, 1).astype(np.float32)[nodes] ** -0.25
    weight /= np.linalg.norm(weight, axis=1, keepdims=True)
    rows = np.repeat(np.arange(len(nodes)), nodes.shape[1])
    shape = (len(nodes), len(sizes))
    return sp.csr_matrix((weight.ravel(), (rows, nodes.ravel())), shape=shape, dtype=np.float32)


def _restored(kind: str, config: FusionConfig, arrays: dict[str, np.ndarray]) -> Scorer:
    if kind == "items":
        return ItemKnn(matrix_of(arrays), _item_config(config))
    vectors = matrix_of(arrays) if "indptr" in arrays else arrays["vectors"]
    return TextKnn(vectors, _text_config(config))
