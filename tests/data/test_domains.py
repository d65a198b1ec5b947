"""Domains: parts of one catalogue, or tables of their own with the same users."""

from __future__ import annotations

import polars as pl
import pytest
from pydantic import ValidationError

from app.experiment.file import load_experiment
from app.experiment.settings import Experiment
from app.pipeline.stages.read_data import STAGES
from data.columns import DOMAIN, ITEM, ITEM_ID, TITLE, USER, USER_ID
from data.dataset import Dataset
from data.domains import Domains, with_domains
from data.errors import ConfigError, DataError
from data.loaders.load import load_dataset, source_digests
from data.own_tables import try_tables
from data.settings import DataConfig, DomainConfig, FilesConfig

BOOKS = (
    "user_id,item_id,date\n"
    "ann,1,2024-01-01\nann,2,2024-01-03\nbob,1,2024-01-02\nbob,3,2024-01-04\ncas,2,2024-01-05\n"
)
FILMS = (
    "who,what,date\n"
    "ann,1,2024-01-02\nann,3,2024-01-04\nbob,1,2024-01-06\nbob,2,2024-01-01\ndan,1,2024-01-02\n"
)


class TestPartsOfACatalogue:
    ITEMS = pl.DataFrame(
        {
            ITEM_ID: ["a", "b", "c", "d"],
            "year": [1950, 1980, None, 2001],
            "genres": [["war"], ["love", "war"], [], None],
        }
    )

    def dataset(self) -> Dataset:
        empty = pl.DataFrame()
        return Dataset("x", empty, self.ITEMS, empty)

    def named(self, *domains: DomainConfig) -> list[str]:
        return with_domains(self.dataset(), domains).items[DOMAIN].to_list()

    def test_the_first_that_fits_has_the_item_and_the_last_takes_the_rest(self):
        war = DomainConfig(name="war", attribute="genres", values=("war",))
        late = DomainConfig(name="late", attribute="year", least=1980, below=2010)
        assert self.named(war, late, DomainConfig(name="rest")) == ["war", "war", "rest", "late"]
        assert self.named(late, war, DomainConfig(name="rest")) == ["war", "late", "rest", "late"]

    def test_without_any_there_is_one(self):
        assert with_domains(self.dataset(), ()) is not None
        assert Domains.of(self.dataset()).names == ("items",)

    def test_places_are_those_of_names_in_order(self):
        old = DomainConfig(name="z", attribute="year", below=1960)
        parted = with_domains(self.dataset(), [old, DomainConfig(name="a")])
        domains = Domains.of(parted)
        assert domains.names == ("a", "z") and domains.of_item.tolist() == [1, 0, 0, 0]

    @pytest.mark.parametrize(
        ("domain", "says"),
        [
            (DomainConfig(name="old", attribute="year", below=1990), "2 of 4 items are in no"),
            (DomainConfig(name="old", attribute="yaer", below=1990), "told by 'yaer', and items"),
        ],
    )
    def test_what_does_not_fit_is_said(self, domain, says):
        with pytest.raises(DataError, match=says):
            self.named(domain)

    def test_an_empty_domain_is_said(self):
        new = DomainConfig(name="new", attribute="year", least=2050)
        with pytest.raises(DataError, match="'new'; 'year' goes from 1950 to 2001, and an item"):
            self.named(new, DomainConfig(name="rest"))
        far = DomainConfig(name="far", attribute="genres", values=("space",))
        with pytest.raises(DataError, match="frequent values of 'genres' are 'war', 'love', and"):
            self.named(far, DomainConfig(name="rest"))
        with pytest.raises(DataError, match="'new'; the domains before it take all items"):
            self.named(DomainConfig(name="rest"), DomainConfig(name="new"))

    def test_only_numbers_have_bounds(self):
        for attribute in ("genres", ITEM_ID):
            domain = DomainConfig(name="new", attribute=attribute, least=3)
            with pytest.raises(DataError, match=f"of '{attribute}', which is no column of numbers"):
                self.named(domain, DomainConfig(name="rest"))

    @pytest.mark.parametrize(
        ("given", "says"),
        [
            ({"values": ("1950",), "least": 3}, "by values and by least or below"),
            ({"least": 9, "below": 9}, "nothing between least and below"),
        ],
    )
    def test_of_what_tells_a_domain_nothing_is_ignored(self, given, says):
        with pytest.raises(ValidationError, match=says):
            DomainConfig(name="old", attribute="year", **given)


@pytest.fixture
def shops(tmp_path):
    (tmp_path / "books.csv").write_text(BOOKS)
    (tmp_path / "films.csv").write_text(FILMS)
    (tmp_path / "book_items.csv").write_text(
        "item_id,name,year,tags\n1,Emma,1815,love|old\n2,It,,\n3,Ada,1969,\n"
    )
    (tmp_path / "film_items.csv").write_text(
        "item_id,label,year,tags\n1,Emma,about 1996,love\n2,Heat,1995,\n3,Up,2009,\n"
    )
    (tmp_path / "readers.csv").write_text("user_id,age,city\nann,,Rome\nbob,30,\ncas,50,Bonn\n")
    (tmp_path / "viewers.csv").write_text("user_id,age,plan\nann,41,gold\nbob,31,\ndan,20,free\n")
    return tmp_path


def books(shops, **more: object) -> DomainConfig:
    given = {"interactions": shops / "books.csv", "time": "date", **more}
    return DomainConfig(name="books", files=FilesConfig.model_validate(given))


def films(shops, **more: object) -> DomainConfig:
    given = {"interactions": shops / "films.csv", "user": "who", "item": "what", "time": "date"}
    return DomainConfig(name="films", files=FilesConfig.model_validate(given | more))


def load(*domains: DomainConfig, **more: object):
    config = DataConfig.model_validate(
        {"name": "files", "min_history": 3, "domains": domains, **more}
    )
    return load_dataset(config, None)  # type: ignore[arg-type]


class TestTablesOfTheirOwn:
    def test_users_are_joined_by_their_ids_and_items_are_not(self, shops):
        dataset = load(books(shops), films(shops)).dataset
        ids, names = dataset.items[ITEM_ID].to_list(), dataset.items[DOMAIN].to_list()
        assert dict(zip(ids, names, strict=True)) == {
            "books:1": "books", "books:2": "books", "books:3": "books",
            "films:1": "films", "films:2": "films", "films:3": "films",
        }  # fmt: skip
        ann = dataset.users[USER_ID].to_list().index("ann")
        had = dataset.interactions.filter(pl.col(USER) == ann)[ITEM]
        assert [ids[item] for item in had] == ["books:1", "films:1", "books:2", "films:3"]
        assert dataset.users[USER_ID].to_list() == ["ann", "bob"]  # the others' histories are short

    def test_how_many_users_are_shared_is_told(self, shops):
        told = load(books(shops), films(shops)).understood
        assert "Users: 3 in books, 3 in films; 2 in more than one." in told
        assert sum(one.startswith("books: Times: dates") for one in told) == 1

    def test_attributes_of_both_are_kept_and_one_of_two_types_holds_both(self, shops):
        dataset = load(
            books(shops, items=shops / "book_items.csv", title="name", list_columns=("tags",)),
            films(shops, items=shops / "film_items.csv", title="label"),
        ).dataset
        rows = {row[ITEM_ID]: row for row in dataset.items.to_dicts()}
        assert rows["books:1"][TITLE] == rows["films:1"][TITLE] == "Emma"
        assert rows["books:1"]["year"] == "1815" and rows["films:1"]["year"] == "about 1996"
        assert rows["books:1"]["tags"] == ["love", "old"] and rows["films:1"]["tags"] == ["love"]
        assert rows["films:2"]["tags"] is None

    def test_a_user_has_what_the_first_table_says_that_says_something(self, shops):
        dataset = load(
            books(shops, users=shops / "readers.csv"), films(shops, users=shops / "viewers.csv")
        ).dataset
        rows = {row[USER_ID]: row for row in dataset.users.to_dicts()}
        assert rows["ann"] == {"user_id": "ann", "age": 41, "city": "Rome", "plan": "gold"}
        assert rows["bob"] == {"user_id": "bob", "age": 30, "city": None, "plan": None}

    def test_an_attribute_called_domain_is_kept_under_another_name(self, shops):
        path = shops / "book_items.csv"
        path.write_text("item_id,domain\n1,law\n2,art\n3,art\n")
        items = load(books(shops, items=path), films(shops)).dataset.items
        assert items["other_domain"].to_list()[:3] == ["law", "art", "art"]
        assert set(items[DOMAIN]) == {"books", "films"}

    def test_behaviours_of_one_are_counted_beside_rows_of_the_other(self, shops):
        acts = BOOKS.replace("\n", ",buy\n").replace("date,buy", "date,act")
        (shops / "books.csv").write_text(acts)
        dataset = load(books(shops, behaviour="act", behaviours={"buy": 4}), films(shops)).dataset
        domains = dataset.items[DOMAIN].gather(dataset.events[ITEM]).to_list()
        weighed = zip(domains, dataset.events["weight"].to_list(), strict=True)
        assert set(weighed) == {("books", 4.0), ("films", 1.0)}

    def test_orders_of_rows_cannot_be_compared(self, shops):
        with pytest.raises(DataError, match="'films' has no times but the order of its own rows"):
            load(books(shops), films(shops, time=None, time_format="rows"))

    def test_a_domain_without_interactions_is_said_whichever_it_is(self, shops):
        (shops / "films.csv").write_text("who,what,date\n")
        for domains in ((books(shops), films(shops)), (films(shops), books(shops))):
            with pytest.raises(DataError, match="The domain 'films' has no interaction"):
                load(*domains)

    def test_dates_and_steps_cannot_be_compared(self, shops):
        (shops / "films.csv").write_text("who,what,date\nann,1,1\nann,2,2\nbob,1,3\n")
        with pytest.raises(
            DataError, match="of the domain 'books' are dates, and those of 'films'"
        ):
            load(books(shops), films(shops, time_format="steps"))

    def test_a_domain_of_which_nothing_is_left_is_said(self, shops):
        (shops / "films.csv").write_text("who,what,date\ndan,1,2024-01-02\n")
        (shops / "books.csv").write_text(BOOKS + "ann,3,2024-02-01\n")
        with pytest.raises(DataError, match=r"domain 'films'; mend its tables or data.min_history"):
            load(books(shops), films(shops))

    def test_what_a_check_of_the_tables_says(self, shops):
        config = DataConfig(name="files", min_history=3, domains=(books(shops), films(shops)))
        assert dict(try_tables(config).counts) == {"users": 2, "items": 6, "interactions": 8}
        (shops / "films.csv").unlink()
        assert try_tables(config).problem.startswith("There is no file films.csv")

    @pytest.mark.parametrize("changed", ["books.csv", "films.csv"])
    def test_a_fingerprint_hears_of_the_content_of_every_table(self, shops, changed):
        config = DataConfig(name="files", domains=(books(shops), films(shops)))
        before = source_digests(config)
        assert set(before) == {"books.interactions", "films.interactions"}
        with (shops / changed).open("a") as file:
            file.write("eve,1,2024-02-01\n")
        assert source_digests(config) != before


class TestSettings:
    @pytest.mark.parametrize(
        ("given", "says"),
        [
            ({"name": "demo", "domains": ["books"]}, 'needs data.name = "files"; here data.name'),
            ({"files": "films", "domains": ["books"]}, "make these a domain, too"),
            (
                {"domains": ["books", DomainConfig(name="rest")]},
                "'rest' has no tables, and 'books'",
            ),
            ({"domains": ["books", "books"]}, "two domains with tables are called 'books'"),
            ({"domains": []}, "data.files is missing"),
            ({"domains": [DomainConfig(name="rest")]}, "data.files is missing"),
        ],
    )
    def test_what_does_not_go_together(self, shops, given, says):
        of = {"books": books(shops), "films": films(shops).files}
        given = {"name": "files", **given}
        given["domains"] = [
            of.get(one, one) if isinstance(one, str) else one for one in given["domains"]
        ]
        if "files" in given:
            given["files"] = of[given["files"]]
        with pytest.raises(ValidationError, match=says):
            DataConfig.model_validate(given)

    def test_ratings_and_behaviours_are_not_added(self, shops):
        acts = books(shops, behaviour="act", behaviours={"buy": 4})
        with pytest.raises(ValidationError, match="say it of all in one way"):
            DataConfig(name="files", domains=(acts, films(shops, weight="stars")))

    def test_a_domain_has_tables_or_an_attribute(self, shops):
        files = films(shops).files
        with pytest.raises(ValidationError, match="leave out the attribute, or the tables"):
            DomainConfig(name="films", attribute="year", least=3, files=files)

    @pytest.mark.parametrize("name", ["Books", "1st", "two words", "user", "user_books", ""])
    def test_names_are_words_and_not_those_of_users(self, name):
        with pytest.raises(ValidationError, match="not like users"):
            DomainConfig(name=name)

    def test_paths_of_tables_are_taken_from_the_folder_of_the_experiment(self, shops, monkeypatch):
        (shops / "two.toml").write_text(
            'name = "two"\n[data]\nname = "files"\nmin_history = 3\n\n'
            '[[data.domains]]\nname = "books"\n'
            '[data.domains.files]\ninteractions = "books.csv"\ntime = "date"\n\n'
            '[[data.domains]]\nname = "films"\n'
            '[data.domains.files]\ninteractions = "films.csv"\nuser = "who"\nitem = "what"\n'
            'time = "date"\n'
        )
        monkeypatch.chdir("/")
        config = load_experiment(str(shops / "two.toml")).data
        assert [one.interactions for one in config.tables] == [
            shops / "books.csv", shops / "films.csv",
        ]  # fmt: skip
        changed = load_experiment(
            str(shops / "two.toml"), ["data.domains.1.files.interactions=/x.csv"]
        )
        assert str(changed.data.tables[1].interactions) == "/x.csv"
        with pytest.raises(ConfigError, match=r"There is no setting data\.domains\.0\.atribute"):
            load_experiment(str(shops / "two.toml"), ["data.domains.0.atribute=3"])
        with pytest.raises(ConfigError, match="7 is a value and has no settings"):
            load_experiment(str(shops / "two.toml"), ["data.domains.7.name=x"])

    def test_a_fingerprint_of_parts_of_a_catalogue_is_what_it_was(self, shops, tmp_path):
        part = DomainConfig(name="old", attribute="year", below=1990)

        def settings(*domains: DomainConfig, name: str = "ml-1m"):
            data = DataConfig(name=name, domains=domains)
            experiment = Experiment(name="x", data=data)
            return STAGES["dataset"].settings(experiment, None, tmp_path)

        assert settings(part)["domains"] == [
            {"name": "old", "attribute": "year", "values": [], "least": None, "below": 1990.0}
        ]
        assert "domains" not in settings()
        one, moved = (
            settings(books(shops), replace_path(films(shops), shops, name), name="files")
            for name in ("films.csv", "moved.csv")
        )
        assert one["domains"] == moved["domains"] and one != moved  # a path is not a setting


def replace_path(domain: DomainConfig, folder, name: str) -> DomainConfig:
    files = domain.files.model_copy(update={"interactions": folder / name})
    return domain.model_copy(update={"files": files})
