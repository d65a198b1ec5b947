"""The data sets that are known by name: what they are, whose they are, how they are checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from data.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Card:
    """One data set.

    Attributes:
        name: What a person types.
        title: Its readable name.
        what: One or two sentences.
        size: In words.
        licence: Terms of use, in short.
        publisher: Who made it.
        citation: What to cite, "" if nothing.
        domain: Decides the prompt templates.
        min_rating: Interactions rated below are no positive ones (appendix B of the paper: above
            3, for Book-Crossing above 5); None keeps all.
        urls: Publisher's addresses.
        checks: Of each downloaded file, "md5:…" or "sha256:…"; None where the publisher
            changes the file or states no sum.
        files: The publisher's files that a folder given as --from must hold.
        stand_ins: Files that may stand in for some of them.
        extras: Files that say more, and are read where they are beside these.
        clock: Whether its times are times, and not the order of what was there.
        repeats: Share of its positive interactions with an item that the user had before; None
            where nobody has counted.
    """

    name: str
    title: str
    what: str
    size: str
    licence: str
    publisher: str
    citation: str
    domain: Literal["movies", "books", "any"]
    min_rating: float | None
    urls: tuple[str, ...] = ()
    checks: Mapping[str, str | None] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    stand_ins: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    clock: bool = True
    repeats: float | None = None

    @property
    def repeats_in_words(self) -> str:
        """The share of repeats, and what follows from it."""
        if self.repeats is None:
            return "not counted here; of such interactions the first counts"
        if self.repeats:
            return f"{self.repeats:.2%} of the interactions; the first of them counts"
        return "none: nobody has an item twice"


_GROUPLENS = "https://files.grouplens.org/datasets/movielens"
_AMAZON = "https://snap.stanford.edu/data/amazon/productGraph/categoryFiles"
_MOVIELENS = (
    "F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. "
    "ACM Transactions on Interactive Intelligent Systems 5, 4, Article 19."
)
_RESEARCH = (
    "research use, acknowledged, no endorsement; no commercial use and no redistribution without "
    "permission"
)


def _sequences(name: str, title: str, size: str, category: str) -> Card:
    """One category of the Amazon reviews as S3-Rec published it."""
    return Card(
        name=name,
        title=f"Amazon reviews of {title}, 5-core sequences",
        what=(
            "What reviewers bought in order of time, and the products' attributes, all by number: "
            "there are no names, titles or times. The form in which S3-Rec (CIKM 2020) published "
            f"it: {category}.txt and {category}_item2attributes.json. Where {category}_titles.csv "
            "(item, title) is beside them, products have titles."
        ),
        size=size,
        licence="research use; no formal licence is stated",
        publisher="Julian McAuley, University of California San Diego; the form is S3-Rec's",
        citation=(
            "Kun Zhou et al. 2020. S3-Rec: Self-Supervised Learning for Sequential Recommendation "
            "with Mutual Information Maximization. CIKM 2020."
        ),
        domain="any",
        min_rating=None,
        files=(f"{category}.txt", f"{category}_item2attributes.json"),
        extras=(f"{category}_titles.csv",),
        clock=False,
        repeats=0.0,
    )


_LATEST_SMALL = Card(
    name="ml-latest-small",
    title="MovieLens latest, small",
    what="A small sample of recent MovieLens ratings, edition of September 2018.",
    size="100,836 ratings, 610 users, 9,742 films; 1 MB to download",
    licence=(
        "non-commercial use, acknowledged; may be redistributed, also transformed, under the "
        "same terms"
    ),
    publisher="GroupLens, University of Minnesota",
    citation=_MOVIELENS,
    domain="movies",
    min_rating=3.5,
    urls=(f"{_GROUPLENS}/ml-latest-small.zip",),
    checks={
        "ml-latest-small.zip": (
            "sha256:696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436"
        )
    },
    files=("ratings.csv", "movies.csv"),
    repeats=0.0,
)


_CARDS = (
    Card(
        name="demo",
        title="Lantern, an invented film service",
        what=(
            "Made by a generator with a fixed seed: invented films with descriptions that follow "
            "planted themes, and people whose tastes follow the themes. That the texts help here "
            "was planted, too: a gain on these data says nothing of others."
        ),
        size="a few hundred people and films, made in a second",
        licence="Apache-2.0, as this software",
        publisher="AutoGraph",
        citation="",
        domain="movies",
        min_rating=None,
        repeats=0.0,
    ),
    Card(
        name="ml-1m",
        title="MovieLens 1M",
        what="Ratings of films by MovieLens users who joined in 2000, with their demographics.",
        size="1,000,209 ratings, 6,040 users, 3,883 films; 6 MB to download",
        licence=_RESEARCH,
        publisher="GroupLens, University of Minnesota",
        citation=_MOVIELENS,
        domain="movies",
        min_rating=4,
        urls=(f"{_GROUPLENS}/ml-1m.zip",),
        checks={"ml-1m.zip": "md5:c4d9eecfca2ab87c1945afe126590906"},
        files=("ratings.dat", "users.dat", "movies.dat"),
        stand_ins=("ratings_ge4.dat",),
        repeats=0.0,
    ),
    Card(
        name="ml-100k",
        title="MovieLens 100K",
        what="Ratings of films collected on the MovieLens site in 1997 and 1998.",
        size="100,000 ratings, 943 users, 1,682 films; 5 MB to download",
        licence=_RESEARCH,
        publisher="GroupLens, University of Minnesota",
        citation=_MOVIELENS,
        domain="movies",
        min_rating=4,
        urls=(f"{_GROUPLENS}/ml-100k.zip",),
        checks={"ml-100k.zip": "md5:0e33842e24a9c977be4e0107933c0723"},
        files=("u.data", "u.user", "u.item", "u.genre"),
        repeats=0.0,
    ),
    _LATEST_SMALL,
    replace(
        _LATEST_SMALL,
        name="ml-latest-small-tags",
        title="MovieLens latest, small, with tags as queries",
        what=(
            f"{_LATEST_SMALL.what} What users tagged is read as what they asked for: the tag is a "
            "query, and the films that a user gave it to in one go are what was taken."
        ),
        size="100,836 ratings and 3,683 tags, 610 users, 9,742 films; 1 MB to download",
        files=(*_LATEST_SMALL.files, "tags.csv"),
    ),
    Card(
        name="ml-10m-tags",
        title="MovieLens 10M, tags as queries",
        what=(
            "Tags that MovieLens users gave to films until 2009, read as what they asked for: the "
            "tag is a query, and the films that a user gave it to in one go are what was taken. "
            "Ratings are not read: an interaction is that a user tagged a film, whether for praise "
            "or not."
        ),
        size="95,580 tags, 4,009 users, 10,681 films; 63 MB to download",
        licence=_RESEARCH,
        publisher="GroupLens, University of Minnesota",
        citation=_MOVIELENS,
        domain="movies",
        min_rating=None,
        urls=(f"{_GROUPLENS}/ml-10m.zip",),
        checks={"ml-10m.zip": "md5:ce571fd55effeba0271552578f2648bd"},
        files=("tags.dat", "movies.dat"),
    ),
    Card(
        name="book-crossing",
        title="Book-Crossing",
        what=(
            "Ratings of books by members of BookCrossing.com, collected in 2004. There are no "
            "times: the order of the file stands for them, and much of it is the order of ISBNs. "
            "The publisher's site is gone: bring the files, the dump or comma-separated tables."
        ),
        size="1,149,780 ratings, 278,858 users, 271,379 books",
        licence="freely available for research when cited",
        publisher="Cai-Nicolas Ziegler, University of Freiburg",
        citation=(
            "Cai-Nicolas Ziegler, Sean M. McNee, Joseph A. Konstan and Georg Lausen. 2005. "
            "Improving Recommendation Lists Through Topic Diversification. WWW 2005."
        ),
        domain="books",
        min_rating=6,
        files=("BX-Book-Ratings.csv", "BX-Users.csv", "BX-Books.csv"),
        stand_ins=(
            "ratings.csv",
            "users.csv",
            "books.csv",
            "Ratings.csv",
            "Users.csv",
            "Books.csv",
        ),
        clock=False,
    ),
    Card(
        name="amazon-books",
        title="Amazon reviews of books, 5-core",
        what=(
            "Reviews of books until July 2014, of reviewers and books with at least five each, "
            "and product metadata. The publisher states no checksums, so none is checked."
        ),
        size="8,898,041 reviews, 603,668 reviewers, 367,982 books; several GB to download",
        licence="research use; no formal licence is stated",
        publisher="Julian McAuley, University of California San Diego",
        citation=(
            "Ruining He and Julian McAuley. 2016. Ups and Downs: Modeling the Visual Evolution of "
            "Fashion Trends with One-Class Collaborative Filtering. WWW 2016."
        ),
        domain="books",
        min_rating=4,
        urls=(f"{_AMAZON}/reviews_Books_5.json.gz", f"{_AMAZON}/meta_Books.json.gz"),
        checks={"reviews_Books_5.json.gz": None, "meta_Books.json.gz": None},
        files=("reviews_Books_5.json", "meta_Books.json"),
        stand_ins=("Books_5.json",),
    ),
    _sequences(
        "amazon-beauty",
        "beauty products",
        "198,502 purchases, 22,363 users, 12,101 products",
        "Beauty",
    ),
    _sequences(
        "amazon-sports",
        "sports and outdoor products",
        "296,337 purchases, 35,598 users, 18,357 products",
        "Sports_and_Outdoors",
    ),
    Card(
        name="amazon-office",
        title="Amazon reviews of office products, 5-core sequences with texts",
        what=(
            "What reviewers bought in order of time, and title, description, brand and categories "
            "of every product; there are no times. The form in which LETTER (CIKM 2024) and APAO "
            "publish such sets: Office.inter.json and Office.item.json."
        ),
        size="53,258 purchases, 4,905 users, 2,420 products",
        licence="research use; no formal licence is stated",
        publisher="Julian McAuley, University of California San Diego; the form is LETTER's",
        citation=(
            "Julian McAuley, Christopher Targett, Qinfeng Shi and Anton van den Hengel. 2015. "
            "Image-Based Recommendations on Styles and Substitutes. SIGIR 2015."
        ),
        domain="any",
        min_rating=None,
        files=("Office.inter.json", "Office.item.json"),
        clock=False,
        repeats=0.0,
    ),
    Card(
        name="gowalla",
        title="Gowalla check-ins, in the split of LightGCN",
        what=(
            "Places where members of Gowalla checked in, without times and without words. The "
            "publication holds out several places of every member; an experiment here reads all "
            "of them in the order of its lists and holds out the last two, and "
            "`autograph reproduce gowalla` judges by the published split."
        ),
        size="1,027,370 check-ins, 29,858 members, 40,981 places",
        licence="research use; no formal licence is stated",
        publisher="Eunjoon Cho, Seth A. Myers and Jure Leskovec; the split is LightGCN's",
        citation=(
            "Eunjoon Cho, Seth A. Myers and Jure Leskovec. 2011. Friendship and Mobility: User "
            "Movement in Location-Based Social Networks. KDD 2011."
        ),
        domain="any",
        min_rating=None,
        files=("train_df.parquet", "val_df.parquet", "test_df.parquet"),
        clock=False,
        repeats=0.0,
    ),
    Card(
        name="files",
        title="Your own tables",
        what=(
            "CSV or Parquet files of interactions and, if you have them, of users and items; or "
            "JSON files of a sequence of items a user and of what the items are."
        ),
        size="as large as your memory",
        licence="yours",
        publisher="you",
        citation="",
        domain="any",
        min_rating=None,
    ),
)

CATALOGUE: dict[str, Card] = {card.name: card for card in _CARDS}


def card(name: str) -> Card:
    """The card of a data set.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in CATALOGUE:
        raise ConfigError(
            f"There is no data set {name!r}. data.name may be {', '.join(CATALOGUE)}."
        )
    return CATALOGUE[name]
