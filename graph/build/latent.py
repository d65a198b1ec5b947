"""The graph from codes and training interactions."""

from __future__ import annotations

from collections.abc import Sequence

from data.dataset import Dataset, histories
from data.errors import DataError
from data.relation import Relation
from data.split import Split
from graph.latent import LatentGraph
from graph.settings import GraphEdges
from quantize.codes import Codes


def build_graph(
    dataset: Dataset,
    split: Split,
    user_codes: Codes,
    item_codes: Codes,
    user_labels: Sequence[str] = (),
    item_labels: Sequence[str] = (),
    edges: GraphEdges = "train",
) -> LatentGraph:
    """The latent-factor graph; held-out interactions are not in it unless `edges` is "all".

    Args:
        dataset: Users, items and interactions.
        split: Says which interactions are for training.
        user_codes: One row a user, in the data set's order.
        item_codes: One row an item, in the data set's order.
        user_labels: What each user factor means, `FactorDescriptions.labels`; none by default.
        item_labels: The same of item factors.
        edges: Interactions that are edges; "all" leaks, see `GraphConfig.edges`.

    Raises:
        DataError: codes or labels belong to another data set.

    Source: AutoGraph, section 3.2.3.
    """
    _check("user", user_codes, dataset.user_ids.external, user_labels)
    _check("item", item_codes, dataset.item_ids.external, item_labels)
    shown = dataset.interactions if edges == "all" else split.training(dataset)
    known = histories(shown, dataset.n_users)
    user_item = Relation(known.offsets, known.items, dataset.n_items, known.times)
    return LatentGraph(
        n_users=dataset.n_users,
        n_items=dataset.n_items,
        user_codes=user_codes.codes,
        item_codes=item_codes.codes,
        user_k=user_codes.k,
        item_k=item_codes.k,
        user_item=user_item,
        item_user=user_item.transpose(),
        user_labels=tuple(user_labels) or ("",) * (user_codes.k * user_codes.levels),
        item_labels=tuple(item_labels) or ("",) * (item_codes.k * item_codes.levels),
    )


def _check(side: str, codes: Codes, ids: tuple[str, ...], labels: Sequence[str]) -> None:
    if codes.ids != ids:
        at = next((i for i, (a, b) in enumerate(zip(codes.ids, ids, strict=False)) if a != b), None)
        what = (
            f"row {at} is {codes.ids[at]!r} and not {ids[at]!r}"
            if at is not None
            else (f"there are {len(codes.ids)} and not {len(ids)}")
        )
        raise DataError(
            f"The {side} codes belong to another data set: {what}. Fit the codes again on the "
            "vectors of this data set."
        )
    if labels and len(labels) != codes.k * codes.levels:
        raise DataError(
            f"There are {len(labels)} labels for {codes.k * codes.levels} {side} factors. "
            "Describe the factors of these codes again."
        )
