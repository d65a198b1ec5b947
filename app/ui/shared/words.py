"""Words that a visitor may not know, each explained in a sentence."""

from __future__ import annotations

HINTS = {
    "backbone": "The recommender that reads a history and ranks items, such as SASRec.",
    "enhancer": "What a recommender gets beside clicks and ratings; autograph is the graph.",
    "none": "The plain twin: the same recommender, data and seeds, without the graph.",
    "simple": "A simple recommender is not trained: the bar that learning has to clear.",
    "latent factor": "A meaning that several users or items share, found in their descriptions.",
    "code": "The number of a latent factor on one level; a description has one code a level.",
    "codebook": "The list of codes of one level, a vector each.",
    "level": "Codes are found one after another: each level describes what the last one missed.",
    "residual": "What is left of a vector once the codes so far are taken away.",
    "perplexity": "How many codes of a level are in even use; as many as there are is best.",
    "collision": "Two different descriptions with the same codes on every level.",
    "active ratio": "The share of codes that at least one description uses.",
    "reconstruction": "How much of a description's vector its codes give back; 100 % is all.",
    "distinct": "How many different codes there are by this level and all before it together.",
    "gained": "What this level adds to the reconstruction.",
    "distance": "How far a description is from the code's centre: a small one is typical of it.",
    "metapath": "A kind of path through the graph, such as item, factor, item.",
    "NDCG@10": "How high the held-out item stands in the first ten, 1 if always first.",
    "HR@10": "The share of users whose held-out item is among the first ten.",
    "MRR": "The mean of one over the rank of the held-out item.",
    "GAUC": "How often the held-out item stands above another one, 0.5 by chance.",
    "change": "How much higher or lower than the baseline, in per cent of it.",
    "sd": "Standard deviation over seeds: what another training would change.",
    "interval": "95 of 100 such intervals hold the true difference; one without 0 shows something.",
    "p": "How often chance alone would make a difference at least this large.",
    "Holm": "p made larger because several differences were tested at once.",
    "seed": "Where random numbers begin; several seeds tell luck from skill.",
    "seen": "What a user has had before is left out where nobody has anything twice; the setting "
    "evaluate.exclude_seen says otherwise.",
    "drawn": "Ranked among a few items that were drawn, a true one stands far higher than among "
    "all: such figures compare with others of their kind alone.",
    "cold": "With few or no interactions in training.",
    "popularity": "How many users had an item in training.",
    "coverage": "The share of the catalogue that is recommended to anybody.",
    "concentration": "Gini coefficient: 0 if all items are shown alike, near 1 if few get it all.",
    "novelty": "How unexpected the recommended items are: the rarer, the higher.",
    "diversity": "How much the items of one list differ in what their descriptions say.",
    "locality": "s_k, the share of items that users had next which at most k edges lead to.",
    "near": "Items in the sample around a user that may be recommended; paths score them.",
    "within": "Share of next items that 3 edges lead to: interactions, and factors that it reads.",
    "covered": "Share of next items that are in the sample around the user.",
    "bound": "The recall that no list of sampled items alone can be above.",
    "of_list": "Share of the first items of a list that the sample around the user holds.",
    "gate": "What a user's paths count beside vectors: their share of a near item's score.",
    "offset": "What a user adds to the scores of near items, so that they meet all others.",
    "triplet": "The triplet loss asks that what belongs together be nearer than one negative, by a "
    "margin.",
    "InfoNCE": "InfoNCE asks for what belongs to an anchor among all its negatives at once.",
    "λ": "λ is the share of the triplet loss; the rest is InfoNCE's. 0 is InfoNCE alone, 1 triplet "
    "alone.",
    "negatives": "Negatives are what an anchor is set against: items of others in its batch, of "
    "earlier batches (a pool), or near its own item though the user has not had them (semantic).",
    "types": "Typed: users and items of each domain have an encoder, and each type of edges a "
    "matrix, of its own. Homogeneous: all share one.",
    "layers": "How many steps away a node hears from.",
    "domain": "A part of the catalogue with items of its own, whose users are those of the others. "
    "Joined: a user is one node for all of them; apart: one for each.",
    "alike edges": "Edges between items whose users are the same (engaged), that share our "
    "factors, or whose texts are near.",
    "others": "Recommenders that know users, items and interactions alone.",
    "Recall@100": "The share of people whose held-out item is among the first 100 of its domain.",
    "bucket": "People are parted by how many training interactions they have in the domain of "
    "what they had next.",
    "sample": "The part of the graph around a user that is drawn when the user is asked about.",
    "token": "A piece of a word, which language models count and charge for.",
    "sparsity": "The share of all pairs of a user and an item without an interaction.",
    "leave-one-out": "Each user's last interaction is for the test, the one before for validation.",
    "gave": "The score less the score without these ways, all else as it was; below 0 they held it "
    "back.",
    "over": "What both have edges with: people who had both, or groups that both are in; or that "
    "somebody had one soon after the other. Words are those of the group in both descriptions.",
    "pair score": "How well what runs along the ways fits what the person is like; vectors alone "
    "know nothing of the ways.",
    "words": "They are taken for the nearest thing that can be asked for: by words that stand in "
    "its descriptions, else by what they mean. Which one it is stands below.",
    "meaning": "A latent factor of items: what several descriptions have in common. An item has "
    "exactly one on this level.",
    "log": "A table of what users asked for, such as the words of a search or a tag, with a row "
    "for every item that they took then.",
    "ask": "One time that somebody asked and took items. Such as a session; without a column that "
    "tells, what a user takes for one query until half an hour goes by without an item for it.",
    "query": "What people typed or chose when they asked, as the log of the data has it.",
    "asked": "The setting model.backbone.asked: latest, own or both.",
    "answer": "Ranked by the product of two vectors: one of the person and what is asked for, one "
    "of the item, which depends on neither.",
    "region": "ROI: of all that is next to the person and to what is asked for, what is most "
    "relevant to both together. Nothing else of the graph was read for this answer.",
    "focal points": "Focal points are the person and what is asked for: relevance is relevance to "
    "their sum.",
    "attention": "The weight is the model’s attention: how much of what is heard of one type comes "
    "from this neighbour, so that those of a type, or where the setting norm is “all” those of all "
    "types, sum to 1 for each who listens.",
    "relevance": "By it neighbours were chosen: the Tanimoto similarity or cosine of a "
    "neighbour’s vector and the sum of those of the person and what is asked for.",
    "type share": "How much all neighbours of this type count for who listens: a cosine, and "
    "below 0 they count against.",
    "sweep": "K is how many neighbours of a type each node hears. AUC is how often a true item "
    "stands above another one, 0.5 by chance: above any item, one as often had (as popular), or "
    "one that others took for the same (same tag). Put straight: probabilities on a line that "
    "validation chose. All known: training has the person, what is asked for and both items.",
    "coupling": "Coupling coefficients: edge weights of the same neighbours under several "
    "questions. Rows that differ show that it listens otherwise when the question is another one.",
    "export form": "What an export makes scores of: vectors of people and items, weights between "
    "items, or lists that were made beforehand, which answer for known people alone.",
    "export": "A folder that holds all that a trained recommender needs to answer, and that opens "
    "without torch.",
    "index": "How vectors are searched: all of them (flat), or fewer at the price of missing some.",
    "p99": "99 of 100 answers took no longer.",
    "fingerprint": "A short name made of everything that can change a result.",
}
"""By term, as screens use it."""


HEADINGS = {
    "run": "Recommender",
    "sd": "± over seeds",
    "baseline": "Compared with",
    "shared": "Seeds both have",
    "low": "95 % from",
    "high": "95 % to",
    "p": "p",
    "p_holm": "p (Holm)",
    "mark": "Sign",
    "bucket": "Group",
    "rows": "Entities",
    "entity": "Id",
    "id": "Id",
    "ndcg@10": "NDCG@10",
    "hr@10": "HR@10",
    "hr@1": "HR@1",
    "hr@5": "HR@5",
    "ndcg@5": "NDCG@5",
    "mrr": "MRR",
    "gauc": "GAUC",
    "seconds": "Training, s",
    "seconds_per_epoch": "Epoch, s",
    "peak_mb": "Peak memory, MB",
    "active_ratio": "Codes in use",
    "near": "Items near",
    "within": "Within 3 steps",
    "covered": "In the sample",
    "bound": "Bound of recall",
    "of_list": "Of the list",
    "quarter": "25 %",
    "three_quarters": "75 %",
}
"""What columns of results are called where a person reads them, by their names in the code."""
EXPLAINED = {
    "p_holm": "Holm",
    "p": "p",
    "sd": "sd",
    "low": "interval",
    "high": "interval",
    "change": "change",
    "seed": "seed",
    "backbone": "backbone",
    "enhancer": "enhancer",
    "ndcg@10": "NDCG@10",
    "hr@10": "HR@10",
    "mrr": "MRR",
    "gauc": "GAUC",
    "active_ratio": "active ratio",
    "near": "near",
    "within": "within",
    "covered": "covered",
    "bound": "bound",
    "of_list": "of_list",
}
"""Terms in `HINTS` that explain such columns."""


def heading(column: str) -> str:
    """What a column of results is called where a person reads it; a name stays as it is.

    >>> heading("p_holm"), heading("median_per_end"), heading("± NDCG@10"), heading("MRR")
    ('p (Holm)', 'Median per end', '± NDCG@10', 'MRR')
    """
    if column in HEADINGS or not column.isidentifier():
        return HEADINGS.get(column, column)
    return column[:1].upper() + column[1:].replace("_", " ")


def hint(term: str) -> str:
    """The sentence that explains a term, for `help=`.

    >>> hint("seed")
    'Where random numbers begin; several seeds tell luck from skill.'
    """
    return HINTS[term]
