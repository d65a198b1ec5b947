"""The embedded data set: the same everywhere, and such that meaning pays."""

import hashlib

import numpy as np
import polars as pl
import pytest

from data.columns import ITEM_ID
from data.demo import make_demo, planted_themes
from data.loaders.load import load_dataset
from data.settings import DataConfig
from data.split import leave_one_out


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return load_dataset(DataConfig(), tmp_path_factory.mktemp("unused")).dataset


@pytest.fixture(scope="module")
def themes(demo):
    planted = planted_themes()
    _, numbers = np.unique([planted[item] for item in demo.items[ITEM_ID]], return_inverse=True)
    return numbers


def test_it_is_the_same_on_every_machine(demo):
    items = demo.items.with_columns(pl.col("genres").list.join("|"))
    text = "".join(table.write_csv() for table in (demo.users, items, demo.interactions))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "774b2b3d3e334ce0"


def test_it_is_of_the_stated_size(demo):
    assert demo.n_users == 400
    assert 500 <= demo.n_items <= 720
    lengths = np.bincount(demo.interactions["user"])
    assert lengths.min() >= 5 and lengths.max() == 14


def test_names_titles_and_descriptions_are_unique_and_readable(demo):
    assert demo.users["name"].is_unique().all()
    assert demo.items["title"].is_unique().all()
    assert demo.items["description"].is_unique().all()
    words = demo.items["description"].str.split(" ").list.len()
    assert words.min() >= 40 and words.max() <= 90
    assert not demo.items["description"].str.contains(r"[{}_]|\.\.|  ").any()


def test_nobody_sees_a_film_twice(demo):
    assert not demo.interactions.select("user", "item").is_duplicated().any()
    assert (demo.interactions["weight"] == 1).all()


def test_the_planted_theme_is_no_attribute(demo, themes):
    names = set(planted_themes().values())
    for column in ("genres", "director", "year"):
        values = demo.items[column].explode() if column == "genres" else demo.items[column]
        assert not names & set(map(str, values))
    first = np.unique(demo.items["genres"].list.first(), return_inverse=True)[1]
    table = np.zeros((first.max() + 1, themes.max() + 1))
    np.add.at(table, (first, themes), 1)
    guessed = table.max(1).sum() / len(themes)
    assert guessed < 0.15


def test_most_films_are_rare_in_training(demo):
    counts = np.bincount(leave_one_out(demo).training(demo)["item"], minlength=demo.n_items)
    assert np.mean(counts < 15) > 0.75
    assert np.median(counts) <= 8


def test_descriptions_tell_the_theme(demo, themes):
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectors = TfidfVectorizer(stop_words="english").fit_transform(demo.items["description"])
    likeness = (vectors @ vectors.T).toarray()
    np.fill_diagonal(likeness, -1)
    nearest = np.argsort(-likeness, axis=1)[:, :5]
    assert np.mean(themes[nearest] == themes[:, None]) > 0.8


def ndcg(scores, seen, targets):
    """Mean NDCG@10 of the target among all items but those seen; ties take the mean rank."""
    total = 0.0
    for score, known, target in zip(scores, seen, targets, strict=True):
        score = score.copy()
        score[known] = -np.inf
        ties = (score == score[target]).sum() - 1
        rank = 1 + (score > score[target]).sum() + ties / 2
        total += 1 / np.log2(rank + 1) if rank <= 10 else 0
    return total / len(targets)


def test_who_knows_the_theme_ranks_far_better_than_popularity(demo, themes):
    split = leave_one_out(demo)
    history, valid = split.histories(demo), split.targets(demo, "valid")
    seen = [np.append(history.of(u), valid[u]) for u in range(demo.n_users)]
    targets = split.targets(demo, "test")
    popularity = np.bincount(history.items, minlength=demo.n_items).astype(float)
    oracle = []
    for items in seen:
        recency = 0.7 ** np.arange(len(items))[::-1]
        taste = np.bincount(themes[items], weights=recency, minlength=themes.max() + 1)
        oracle.append(taste[themes] + popularity / 1e4)
    plain = ndcg([popularity] * demo.n_users, seen, targets)
    informed = ndcg(oracle, seen, targets)
    assert informed > 0.25
    assert informed > 5 * plain


def test_the_next_theme_follows_from_the_last(demo, themes):
    user, item = (demo.interactions[c].to_numpy() for c in ("user", "item"))
    same_user = user[1:] == user[:-1]
    stays = (themes[item[1:]] == themes[item[:-1]])[same_user].mean()
    assert 0.5 < stays < 0.9


def test_themes_are_known_of_every_film():
    assert set(planted_themes()) == set(make_demo().items[ITEM_ID])
    assert len(set(planted_themes().values())) == 24
