"""Sequences: by number as S3-Rec published Amazon's, with words as LETTER and APAO do."""

import json
from pathlib import Path

import pytest

from data.column_guess import guess_interactions, guess_items
from data.distributions import has_clock
from data.errors import DataError
from data.loaders.load import load_dataset, source_digests
from data.loaders.peek import peek
from data.own_tables import try_tables
from data.settings import DataConfig, FilesConfig
from data.split import leave_one_out
from data.statistics import share_of_repeats
from data.uploads import keep_upload
from llm.facts import FactsBackend
from prompts.requests import item_requests, user_requests
from prompts.template import choose_template

LINES = "1 7 9 7 8\n2 9 8 5\n\n4 5\n"
ATTRIBUTES = {"9": [3, 1], "7": [], "5": [2], "99": [1]}


def load(folder, **choices):
    config = DataConfig(name="amazon-beauty", source=folder, min_history=3, **choices)
    return load_dataset(config, folder)


@pytest.fixture
def beauty(tmp_path):
    (tmp_path / "Beauty.txt").write_text(LINES)
    (tmp_path / "Beauty_item2attributes.json").write_text(json.dumps(ATTRIBUTES))
    return tmp_path


def test_items_come_in_the_order_of_the_line(beauty):
    loaded = load(beauty)
    dataset = loaded.dataset
    assert dataset.users.rows() == [("1",), ("2",)]
    assert dataset.items.rows() == [("7", []), ("9", ["3", "1"]), ("8", []), ("5", ["2"])]
    read = dataset.interactions.select("user", "item", "time").rows()
    assert read == [(0, 0, 1), (0, 1, 2), (0, 2, 4), (1, 1, 1), (1, 2, 2), (1, 3, 3)]
    assert loaded.left_out["repeated interactions"] == 1
    assert loaded.left_out["users with fewer than 3 interactions"] == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [("6", r"Beauty\.txt:5: user 6 stands there without an item"), ("1 5 8 9", "1 stands twice")],
)
def test_a_line_that_cannot_be_used_is_named(beauty, line, said):
    with (beauty / "Beauty.txt").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(DataError, match=said):
        load(beauty)
    skipped = load(beauty, on_bad_row="skip")
    assert skipped.bad_rows["line"].to_list() == [5]
    assert skipped.dataset.n_users == 2


@pytest.mark.parametrize("text", ["[1, 2]", '{"9": 3}', "{"])
def test_attributes_of_another_form(beauty, text):
    (beauty / "Beauty_item2attributes.json").write_text(text)
    with pytest.raises(DataError, match=r"item2attributes\.json does not hold one JSON object"):
        load(beauty)


def test_the_attributes_are_needed(beauty):
    (beauty / "Beauty_item2attributes.json").unlink()
    with pytest.raises(DataError, match=r"There is no Beauty_item2attributes\.json"):
        load(beauty)


@pytest.mark.parametrize(
    ("name", "users", "items", "interactions", "attributes"),
    [
        ("amazon-beauty", 22_363, 12_101, 198_502, 637),
        ("amazon-sports", 35_598, 18_357, 296_337, 2_277),
    ],
)
def test_the_publication(real_data, name, users, items, interactions, attributes):
    folder = real_data / "amazon-5core-sequences"
    if not folder.is_dir():
        pytest.skip(f"no amazon-5core-sequences in {real_data}")
    loaded = load_dataset(DataConfig(name=name, source=folder), folder)
    dataset = loaded.dataset
    assert loaded.bad_rows.is_empty()
    assert (dataset.n_users, dataset.n_items) == (users, items)
    assert dataset.interactions.height == interactions
    assert dataset.items["attributes"].explode().n_unique() == attributes
    assert leave_one_out(dataset).histories(dataset).lengths.min() == 3


@pytest.fixture
def titled(beauty):
    rows = ["7,B01,AT&amp;T <b>Soap</b>", "9,B02,", '8,B03,"Cream, 5 oz"', "404,B04,Nothing"]
    (beauty / "Beauty_titles.csv").write_text("\n".join(["item,asin,title", *rows]) + "\n")
    return beauty


def test_titles_are_read_where_they_are_beside_it(titled):
    items = load(titled).dataset.items
    assert items["title"].to_list() == ["AT&T Soap", None, "Cream, 5 oz", None]
    assert items.columns == ["item_id", "attributes", "title"]


def test_titles_count_in_the_fingerprint(beauty):
    config = DataConfig(name="amazon-beauty", source=beauty)
    before = source_digests(config)
    (beauty / "Beauty_titles.csv").write_text("item,asin,title\n7,B01,Soap\n")
    after = source_digests(config)
    assert before.items() < after.items() and "Beauty_titles.csv" in after


SEQUENCES = {"a": [10, 11, 12], "b": ["12", 10, 13.0, 10]}
ITEMS = {
    "10": {
        "title": "Phone &amp; Cord",
        "description": "",
        "brand": "VTech",
        "categories": "Office, Telephones, Corded",
        "salesRank": {"Office": 3},
    },
    "11": {"title": None, "description": "<p>A pen.</p>", "brand": "", "categories": ""},
    "12": {"description": "No title, no brand."},
    "13": {"title": "Desk", "categories": ["Furniture"], "price": 12.5},
}


@pytest.fixture
def office(tmp_path):
    (tmp_path / "Office.inter.json").write_text(json.dumps(SEQUENCES))
    (tmp_path / "Office.item.json").write_text(json.dumps(ITEMS))
    return tmp_path


def load_office(folder, **choices):
    config = DataConfig(name="amazon-office", source=folder, min_history=3, **choices)
    return load_dataset(config, folder)


def files_of(folder, items="Office.item.json"):
    return FilesConfig(
        interactions=folder / "Office.inter.json", items=folder / items if items else None
    )


def load_own(files, **choices):
    return load_dataset(
        DataConfig(name="files", files=files, min_history=3, **choices), Path("none")
    )


@pytest.mark.parametrize("own", [False, True])
def test_sequences_and_what_the_items_are(office, own):
    loaded = load_own(files_of(office)) if own else load_office(office)
    dataset = loaded.dataset
    assert dataset.users["user_id"].to_list() == ["a", "b"]
    about = dataset.items.select("item_id", "title", "description", "brand", "categories").rows()
    assert about == [
        ("10", "Phone & Cord", None, "VTech", ["Office", "Telephones", "Corded"]),
        ("11", None, "A pen.", None, []),
        ("12", None, "No title, no brand.", None, []),
        ("13", "Desk", None, None, ["Furniture"]),
    ]
    assert "salesRank" not in dataset.items.columns
    read = dataset.interactions.select("user", "item", "time").rows()
    assert read == [(0, 0, 1), (0, 1, 2), (0, 2, 3), (1, 2, 1), (1, 0, 2), (1, 3, 3)]
    assert loaded.left_out["repeated interactions"] == 1
    split = leave_one_out(dataset)
    assert split.targets(dataset, "test").tolist() == [2, 3]
    assert split.targets(dataset, "valid").tolist() == [1, 0]


def test_own_sequences_say_how_they_were_read_and_have_no_clock(office):
    loaded = load_own(files_of(office))
    assert loaded.understood == ("Times: none; the place in a user's sequence stands for them.",)
    config = DataConfig(name="files", files=files_of(office))
    assert not has_clock(config, loaded.dataset)
    assert try_tables(config.model_copy(update={"min_history": 3})).counts["items"] == 4


def test_own_lines_with_a_table_or_attributes_beside_them(office):
    (office / "own.txt").write_text("a 10 11 12\nb 12 10 13\n")
    (office / "items.csv").write_text("item,asin,title\n10,X,Phone\n11,Y,Pen\n12,Z,\n13,W,Desk\n")
    (office / "numbers.json").write_text(json.dumps({str(n): [n, 1] for n in range(10, 14)}))
    table = FilesConfig(
        interactions=office / "own.txt", items=office / "items.csv", items_id="item"
    )
    dataset = load_own(table).dataset
    assert dataset.items["title"].to_list() == ["Phone", "Pen", None, "Desk"]
    numbers = FilesConfig(interactions=office / "own.txt", items=office / "numbers.json")
    assert load_own(numbers).dataset.items["attributes"].to_list()[0] == ["10", "1"]
    (office / "table.txt").write_text("user_id,item_id\n" + "a,1\na,2\na,3\n")
    plain = load_own(FilesConfig(interactions=office / "table.txt")).dataset
    assert plain.n_items == 3, "a text with a header is a table"


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(
    ("sequences", "said"),
    [
        ('{"a": [10, 11, 12], "b": [12, 10, 99]}', r"2: item_id 99 is not in the item table"),
        ('{"a": [10, 11, 12], "b": [10, 11, -1]}', r"2: item_id -1 is not in the item table"),
        ('{"a": [10, 11, 12], "b": []}', r"2: user b stands there without an item"),
        ('{"a": [10, 11, 12], "b": 5}', r"2: user b has no list of items, but 5"),
        ('{"a": [10, 11, 12], "b": [10, null, 11]}', r"2: item 2 of user b is None"),
        ('{"a": [10, 11, 12], "b": [10, [11], 12]}', r"2: item 2 of user b is \[11\]"),
        ('{"a": [10, 11, 12], "b": [10, {"x": 1}]}', r"2: item 2 of user b is \(\('x', 1\)"),
        ('{"a": [10, 11, 12], "b": [10, true]}', r"2: item 2 of user b is True"),
        ('{"a": [10, 11, 12], "a": [11, 12, 13]}', r"2: user_id a stands twice"),
        ('{"a": [10, 11, 12], "": [11, 12, 13]}', r"2: user_id is empty"),
    ],
)
def test_a_sequence_that_cannot_be_used_is_named(office, own, sequences, said):
    (office / "Office.inter.json").write_text(sequences)

    def read(**choices):
        return load_own(files_of(office), **choices) if own else load_office(office, **choices)

    with pytest.raises(DataError, match=rf"Office\.inter\.json:{said}.*--on-bad-row skip"):
        read()
    skipped = read(on_bad_row="skip")
    assert skipped.bad_rows["line"].to_list() == [2]
    assert skipped.dataset.users["user_id"].to_list() == ["a"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("Office.inter.json", "no json", r":1 is no JSON \(Expecting value, column 1\)"),
        ("Office.inter.json", '{"a": [1,\n 2}', r":2 is no JSON"),
        ("Office.inter.json", "[[1, 2], [3]]", r" does not hold one JSON object with a list of"),
        ("Office.inter.json", "[" * 100_000, r" has too many parts inside each other"),
        ("Office.inter.json", " ", r" is empty"),
        ("Office.item.json", "7", r" does not hold one JSON object with its attributes"),
        ("Office.item.json", '{"10": {}, "11": 3}', r":2: item_id 11 has no attributes, but 3"),
        ("Office.item.json", '{"10": {}, "10": {}}', r":2: item_id 10 stands twice"),
    ],
)
def test_files_of_another_form(office, name, text, said):
    (office / name).write_text(text)
    for read in (lambda: load_office(office), lambda: load_own(files_of(office))):
        with pytest.raises(DataError, match=rf"{name.replace('.', '[.]')}{said}"):
            read()


def test_the_page_sees_their_first_rows(office):
    found = peek(office / "Office.inter.json")
    assert found.separator is None
    assert found.rows.rows()[:2] == [("a", "10"), ("a", "11")]
    assert guess_interactions(found.rows) == {
        **{"user": "user_id", "item": "item_id"},
        **{"time": None, "weight": None},
    }
    items = peek(office / "Office.item.json").rows
    assert guess_items(items, {"10"}, "item_id")["title"] == "title"
    kept = keep_upload("Office.inter.json", (office / "Office.inter.json").read_bytes(), office)
    assert load_own(FilesConfig(interactions=kept.path)).dataset.n_users == 2


def test_facts_of_a_shop(office):
    """Title, categories, description and brand; of a user what titles, brands, … share."""
    dataset = load_office(office).dataset
    item, user = (choose_template("auto", side, "any") for side in ("item", "user"))
    texts = [reply.text for reply in FactsBackend().generate(item_requests(dataset, item))]
    assert texts[0] == "Phone & Cord. Office, Telephones, Corded. Made by VTech."
    split = leave_one_out(dataset)
    (first, second) = user_requests(dataset, split, user, 10, texts)
    said = [reply.text for reply in FactsBackend().generate([first, second])]
    assert "Phone & Cord" in said[0] and "Desk" not in said[0]
    assert "Phone" not in said[1], "what is held out is in no text"


def test_numbers_of_attributes_are_not_said_beside_titles(titled):
    dataset = load(titled).dataset
    item = choose_template("auto", "item", "any")
    texts = [reply.text for reply in FactsBackend().generate(item_requests(dataset, item))]
    assert texts[0] == "AT&T Soap." and texts[1] == "Attributes: 3, 1."


def test_office_as_published(real_data):
    folder = real_data / "amazon-office-2014"
    if not folder.is_dir():
        pytest.skip(f"no amazon-office-2014 in {real_data}")
    config = DataConfig(name="amazon-office", source=folder)
    loaded = load_dataset(config, folder)
    dataset = loaded.dataset
    assert loaded.bad_rows.is_empty() and not sum(loaded.left_out.values())
    counts = dataset.n_users, dataset.n_items, dataset.interactions.height
    assert counts == (4_905, 2_420, 53_258)
    assert dataset.items["title"].null_count() == 3
    assert share_of_repeats(dataset) == 0


def test_titles_of_beauty_as_published(real_data):
    folder = real_data / "amazon-5core-sequences"
    if not any(folder.glob("Beauty_titles.csv*")):
        pytest.skip(f"no Beauty_titles.csv in {folder}")
    dataset = load_dataset(DataConfig(name="amazon-beauty", source=folder), folder).dataset
    assert dataset.items["title"].drop_nulls().len() == 12_094
