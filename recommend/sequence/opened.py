"""A network that has passed over its graph once, and now answers for one history at a time.

The graph stays the one of training, whatever histories are asked about: an item that somebody is
said to have had does not make that person a neighbour of the item for others. Newcomers stand at
the ends of its vectors, placed by codes, texts and attributes: nothing is trained again, and nobody
else's vector changes. Which enhancers can place a newcomer they declare themselves
(`protocols.Places`); the others say in their settings why not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from data.dataset import Histories
from data.errors import DataError
from recommend.features import Bags
from recommend.protocols import ALIKE, Code
from recommend.sequence.chunks import Batch, Block, Layout, batches, last_chunks
from recommend.sequence.inputs import Inputs
from recommend.sequence.network import Network, Propagated
from recommend.sequence.protocols import Newcomer, Places
from recommend.settings import PLAIN, ModelConfig

SCORED_AT_ONCE = 512
"""Users whose scores exist at a time."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The network, and what its answers share.

    Attributes:
        config: What the recommender is.
        inputs: Attributes and graph, without newcomers.
        network: The weights.
        shared: Vectors of items, and of the graph's nodes; newcomers stand at their ends.
    """

    config: ModelConfig
    inputs: Inputs
    network: Network
    shared: Propagated

    @property
    def n_items(self) -> int:
        """Items that are ranked, newcomers included."""
        return len(self.shared.items)

    @property
    def items(self) -> Tensor:
        """(n_items, d) vectors of items."""
        return self.shared.items

    def users(self, histories: Histories) -> Tensor:
        """(n_users, k, d) vectors of all users after their histories, one an interest."""
        n = histories.lengths
        chunks = last_chunks(n, self.config.max_history, np.arange(len(histories)))
        rows = batches(histories, chunks, self._layout, n, SCORED_AT_ONCE)
        with torch.inference_mode():
            return torch.cat([self._vectors(one).cpu() for one in rows])

    def scored(self, vectors: Tensor, histories: Histories, users: np.ndarray) -> Tensor:  # noqa: ARG002
        """(b, n_items) scores of users by their vectors; the best interest counts."""
        best: Tensor = (vectors @ self.items.T.cpu()).amax(1)
        return best

    def after(
        self, user: int, histories: Sequence[np.ndarray], known: np.ndarray
    ) -> Iterator[Tensor]:
        """(n_items,) scores of all items for one user after each history, from one pass."""
        lengths = np.array([len(one) for one in histories])
        items = np.concatenate(histories).astype(np.int32)
        past = Histories(np.concatenate([[0], np.cumsum(lengths)]), items, np.arange(len(items)))
        chunks = last_chunks(lengths, self.config.max_history, np.arange(len(histories)))
        block = Block.of(past, chunks, self._layout, known)
        parts = (replace(part, users=torch.full_like(part.users, user)) for part in block.parts)
        block = replace(block, parts=tuple(parts))
        with torch.inference_mode():
            for interests in self._vectors(block):
                yield best_scores(interests[None], self.shared.items)[0]

    def _vectors(self, block: Block) -> Tensor:
        """(b, k, d) user vectors after each row."""
        return last_vectors(self.network, self.shared, block.to(self._device))

    @property
    def _layout(self) -> Layout:
        return Layout(self.config.max_history, self.n_items)

    @property
    def _device(self) -> torch.device:
        return self.network.item.weight.device

    def with_item(
        self,
        codes: Code | None,
        attributes: Bags,
        alike: np.ndarray | None,
        vector: np.ndarray | None,
        had: np.ndarray | None,
        said: np.ndarray | None = None,  # noqa: ARG002
    ) -> Opened:
        """The same with one more item, whose number is the old `n_items`.

        Where the network reads an embedding or the item's users, it gets the mean over the training
        interactions of the items that are alike: each of them weighing the same, a newcomer would
        be like the many that few people want. What was learnt of the item's attributes is added.

        Raises:
            DataError: nothing can be known of the item.
        """
        network, shared, enhancer = self.network, self.shared, self.network.enhancer
        told = network.item_attributes is not None and len(attributes.categories) > 0
        reason = self.why_stranger("item", codes, vector, alike)
        if reason and not (told and self.config.enhancer.attributes_do):
            raise DataError(f"{self._name} can say nothing about a new item. {reason}")
        with torch.inference_mode():
            item, nodes = torch.zeros_like(shared.items[:1]), shared.nodes
            if network.item_attributes is not None:
                item = item + network.item_attributes.of(attributes)
            if isinstance(enhancer, Places):
                known = (nodes[0][: self.inputs.n_users], nodes[1][: self.inputs.n_items])
                newcomer = self._newcomer("item", codes, vector, alike, had)
                node, features = enhancer.new_item(known, network.item.weight, newcomer)
                item = item + newcomer.mean(network.item.weight)
                if "item" in network.sides:
                    item = item + network.item_graph(features)
                nodes = (nodes[0], torch.cat([nodes[1], node]))
            items = torch.cat([shared.items, item])
            return replace(self, shared=Propagated(items, nodes, shared.people))

    def with_user(
        self, codes: Code | None, attributes: Bags, vector: np.ndarray | None
    ) -> tuple[Opened, int, str]:
        """The same with one more user, the user's number, and why it is the average, if it is."""
        network, shared, enhancer, note = self.network, self.shared, self.network.enhancer, ""
        with torch.inference_mode():
            people, nodes = shared.people, shared.nodes
            if people is not None and network.user_attributes is not None:
                people = torch.cat([people, network.user_attributes.of(attributes)])
            reason = self.why_stranger("user", codes, vector)
            if isinstance(enhancer, Places) and not reason:
                node = enhancer.new_user(self._newcomer("user", codes, vector))
            else:
                node = nodes[0][: self.inputs.n_users].mean(0, keepdim=True)
                note = reason if "user" in network.sides else ""
            nodes = (torch.cat([nodes[0], node]), nodes[1])
            grown = replace(self, shared=Propagated(shared.items, nodes, people))
            return grown, len(nodes[0]) - 1, note

    def why_stranger(
        self,
        side: str,
        codes: Code | None,
        vector: np.ndarray | None,
        alike: np.ndarray | None = None,
    ) -> str:
        """Why the enhancer cannot place a newcomer, in a sentence; "" where it can.

        Args:
            side: "user" or "item".
            codes: (T,) of the newcomer; None where there are none.
            vector: (d,) what its text means; None likewise.
            alike: (m,) items that one is taken after; None where it is left to codes and text.
        """
        enhancer = self.config.enhancer
        said = {"graph": codes, f"{side}_vectors": vector}
        reads = [one for name, one in said.items() if name in enhancer.needs]
        lacks = any(one is None for one in reads) if reads else side == "item" and alike is None
        if side in enhancer.strangers or not lacks:
            return enhancer.strangers.get(side, "")
        average = "; the average of all users stands in, and the history says the rest"
        return (
            f"{self._name} knows a new {side} by a description, and there is none"
            f"{average if side == 'user' else ''}."
        )

    @property
    def _name(self) -> str:
        enhancer = self.config.enhancer.name
        added = "without the graph" if enhancer == PLAIN else f"with {enhancer}"
        return f"{self.config.backbone.name} {added}"

    def _newcomer(
        self,
        side: str,
        codes: Code | None,
        vector: np.ndarray | None,
        alike: np.ndarray | None = None,
        had: np.ndarray | None = None,
    ) -> Newcomer:
        """What the enhancer is told. Users who are alike weigh the same."""
        tables, needs = self.inputs.graph, self.config.enhancer.needs
        factors = None
        if tables is not None and codes is not None:
            read = getattr(self.config.enhancer, "levels", None)
            levels = range(tables.members(side).shape[1]) if read is None else read
            factors = tables.factors_of(side, np.asarray(codes), levels)
            had = np.diff(tables.offsets)
        means = vector if f"{side}_vectors" in needs else None
        if alike is None or not len(alike):
            alike = self._alike(side, factors, means)
        weights = np.ones(len(alike)) if side == "user" or had is None else had[alike]
        shares = weights / weights.sum() if weights.any() else np.full(len(alike), 1 / len(alike))

        def there(array: np.ndarray) -> Tensor:
            return torch.from_numpy(array).to(self._device)

        return Newcomer(
            None if factors is None else there(factors),
            None if means is None else there(means),
            there(np.asarray(alike, dtype=np.int64)),
            there(shares.astype(np.float32)),
        )

    def _alike(self, side: str, factors: np.ndarray | None, means: np.ndarray | None) -> np.ndarray:
        """Members of the first factor, all where it has none; else the nearest by text.

        All of a side of which the enhancer reads nothing.
        """
        tables, vectors = self.inputs.graph, self.inputs.vectors
        if tables is not None and factors is not None:
            members = np.flatnonzero(tables.members(side)[:, 0] == factors[0])
            return members if len(members) else np.arange(len(tables.members(side)))
        known = None if vectors is None else getattr(vectors, f"{side}s")
        if known is None or means is None:
            return np.arange(self.inputs.n_users if side == "user" else self.inputs.n_items)
        cosine = (known @ means) / np.maximum(np.linalg.norm(known, axis=1), 1e-12)
        return np.argsort(-cosine, kind="stable")[:ALIKE]


def last_vectors(network: Network, shared: Propagated, block: Block) -> Tensor:
    """(b, k, d) user vectors after the last item of each row."""
    pairs = zip(network.users_of(shared, block.parts), block.parts, strict=True)
    pad = len(shared.items)
    return block.in_order([last_position(users, part, pad) for users, part in pairs])


def best_scores(users: Tensor, items: Tensor) -> Tensor:
    """(b, n) scores of (n, d) items by the interest of (b, k, d) users that likes each best."""
    return users[:, 0] @ items.T if users.shape[1] == 1 else (users @ items.T).amax(1)


def last_position(users: Tensor, batch: Batch, pad: int) -> Tensor:
    """(b, k, d) user vectors at each row's last item.

    Args:
        users: (b, l, k, d) user vectors.
        batch: The rows that they belong to.
        pad: Number that fills empty places.
    """
    length = (batch.items < pad).sum(1)
    rows = torch.arange(users.shape[0], device=users.device)
    return users[rows, (length - 1).clamp_min(0)]
