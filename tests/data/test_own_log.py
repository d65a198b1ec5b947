"""A person's own log of what users asked for, beside their interactions."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from app.experiment.file import settle
from app.pipeline.stages.read_data import _settings
from data.errors import ConfigError, DataError
from data.loaders.load import load_dataset, source_digests
from data.own_tables import try_tables
from data.preprocess import OF_OTHERS, TAKEN_AGAIN
from data.settings import DataConfig, FilesConfig

CLOCK = 1_600_000_000
VISITS = "who,what,at\n" + "".join(
    f"{user},{item},{CLOCK + at}\n"
    for user, item, at in [("ann", "a", 0), ("ann", "b", 10), ("ann", "c", 20), ("bob", "a", 5),
                           ("bob", "b", 6), ("bob", "c", 7)]
)  # fmt: skip
ROWS = [
    ("ann", "Lamps ", "a", 0, "s1"),
    ("ann", "lamps", "b", 10, "s2"),
    ("ann", "chairs", "c", 20, "s2"),
    ("bob", "lamps", "a", 5, "s9"),
    ("bob", "lamps", "z", 5, "s9"),
    ("eve", "lamps", "a", 5, "s7"),
]
LOG = {"path": "asked.csv", "user": "who", "query": "words", "item": "what", "time": "at"}


def log_text(rows=ROWS):
    lines = [f"{u},{q},{i},{CLOCK + t if isinstance(t, int) else t},{s}" for u, q, i, t, s in rows]
    return "\n".join(["who,words,what,at,session", *lines]) + "\n"


@pytest.fixture
def config(tmp_path):
    (tmp_path / "visits.csv").write_text(VISITS)

    def made(rows=ROWS, text=None, log=None, **changes):
        (tmp_path / "asked.csv").write_text(text or log_text(rows))
        of_log = {**LOG, **(log or {})}
        of_log["path"] = tmp_path / of_log["path"]
        files = FilesConfig.model_validate(
            {"interactions": tmp_path / "visits.csv", "user": "who", "item": "what", "time": "at",
             "log": of_log, **changes}
        )  # fmt: skip
        return DataConfig(name="files", files=files, min_history=3)

    return made


def load(config):
    return load_dataset(config, Path())


def test_a_log_is_read_and_what_has_no_interactions_is_left_out(config):
    loaded = load(config())
    log = loaded.dataset.log
    assert log.queries["query_id"].to_list() == ["chairs", "lamps"]
    assert log.rows.select("ask", "user", "query", "item").rows() == [
        (0, 0, 1, 0),
        (0, 0, 1, 1),
        (1, 0, 0, 2),
        (2, 1, 1, 0),
    ]
    told = next(one for one in loaded.understood if one.startswith("Log"))
    assert told.startswith("Log: 4 rows of what users asked for; 2 of users or items without")
    bare = load_dataset(
        DataConfig(
            name="files", files=config().files.model_copy(update={"log": None}), min_history=3
        ),
        Path(),
    ).dataset
    assert bare.log is None and bare.interactions.equals(loaded.dataset.interactions)


def test_a_column_may_tell_asks_apart(config):
    log = load(config(log={"ask": "session"})).dataset.log
    assert log.rows["ask"].to_list() == [0, 1, 2, 3]  # s1 and s2 are two asks for lamps


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"log": {"query": "term"}}, r"asked\.csv has no column 'term'"),
        ({"log": {"path": "nowhere.csv"}}, r"There is no file .*nowhere\.csv"),
        ({"rows": [*ROWS, ("ann", "  ", "a", 3, "s")]}, r"asked\.csv:8: the query is empty"),
        ({"rows": [*ROWS, ("ann", "x", "a", "soon", "s")]}, r"asked\.csv.*soon"),
        ({"rows": [("eve", "x", "z", 3, "s")]}, "No row of .* is of a user and an item with"),
        (
            {"text": log_text([(u, q, i, str(t), s) for u, q, i, t, s in ROWS])},
            "nobody knows what came first",
        ),
    ],
)
def test_what_cannot_be_used_is_told(config, changes, sentence):
    given = config(**changes)
    with pytest.raises(DataError, match=sentence):
        load(given)


def test_one_column_for_two_purposes_is_told(config):
    with pytest.raises(ConfigError, match="user, query, item, time and ask of its log"):
        load(config(log={"ask": "at"}))


def test_settings_that_make_no_sense_are_told(config):
    with pytest.raises(ValidationError, match=r"nobody knows which came first"):
        config(time=None)
    with pytest.raises(ValidationError, match=r"data\.files\.log\.time_format is 'often'"):
        config(log={"time_format": "often"})


def test_the_check_of_own_tables_lists_bad_rows_of_the_log_and_counts_queries(config):
    outcome = try_tables(config(rows=[*ROWS, ("ann", " ", "a", 3, "s")]))
    assert outcome.bad_rows.rows() == [("asked.csv", 8, "the query is empty")]
    counts = {name: outcome.counts[name] for name in ("asks", "queries", "items taken")}
    assert counts == {"asks": 3, "queries": 2, "items taken": 4}
    problem = try_tables(config(log={"query": "term"})).problem
    assert problem.startswith("asked.csv has no column 'term'")


def test_what_of_a_log_is_left_out_is_counted_by_why(config, tmp_path):
    again = [*ROWS, ("ann", "LAMPS", "b", 11, "s2"), ("cas", "lamps", "a", 5, "s3")]
    given = config(rows=again)
    (tmp_path / "visits.csv").write_text(f"{VISITS}cas,a,{CLOCK}\n")  # of cas too little is known
    loaded = load(given)
    assert loaded.left_out[OF_OTHERS] == 1 and loaded.left_out[TAKEN_AGAIN] == 1
    assert loaded.dataset.log.rows.height == 4
    no_log = DataConfig(
        name="files", files=given.files.model_copy(update={"log": None}), min_history=3
    )
    assert not {OF_OTHERS, TAKEN_AGAIN} & {*load(no_log).left_out}


def test_a_log_of_users_who_do_not_stay_is_refused(config, tmp_path):
    given = config(rows=[("cas", "lamps", "a", 5, "s3")])
    (tmp_path / "visits.csv").write_text(f"{VISITS}cas,a,{CLOCK}\n")
    problem = try_tables(given).problem
    assert problem.startswith("Nothing is left of the log: none of its 1 rows is of a user and")


def test_a_log_is_in_the_fingerprint_and_none_leaves_it_as_it_was(config, tmp_path):
    def settings(data):
        experiment = settle({"data": data.model_dump(mode="json")}, "here")
        return _settings(experiment, None, tmp_path)

    one = config()
    before = settings(one)
    assert before["files"]["log"]["query"] == "words" and "path" not in before["files"]["log"]
    assert "log" in source_digests(one)
    config(rows=ROWS[:4])
    assert settings(one)["content"] != before["content"]
    none = settings(DataConfig(name="files", files=one.files.model_copy(update={"log": None})))
    assert "log" not in none["files"] and "log" not in none["content"]
