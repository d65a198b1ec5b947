"""Downloads: checked, unpacked, kept, and told when they fail; the network is a dictionary."""

import gzip
import hashlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pooch
import pytest

from data.catalogue import CATALOGUE
from data.download import fetch
from data.errors import DataError
from data.loaders.load import load_dataset, source_digests
from data.settings import DataConfig, FilesConfig


class Network:
    """Serves bytes by address, as pooch's downloader would."""

    def __init__(self):
        self.pages: dict[str, bytes] = {}
        self.asked: list[str] = []

    def __call__(self, progressbar=False, chunk_size=0):
        def download(url, output_file, _):
            self.asked.append(url)
            if url not in self.pages:
                raise ConnectionError("no route to host")
            if progressbar:
                progressbar.total = len(self.pages[url])
                progressbar.update(2 * len(self.pages[url]))
                progressbar.close()
            Path(output_file).write_bytes(self.pages[url])

        return download


@pytest.fixture
def network(monkeypatch):
    fake = Network()
    monkeypatch.setattr(pooch, "HTTPDownloader", fake)
    return fake


@pytest.fixture
def archive(ml_1m):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as files:
        for path in sorted(ml_1m.iterdir()):
            files.writestr(f"ml-1m/{path.name}", path.read_bytes())
        files.writestr("../../evil.dat", b"out of the folder")
        files.writestr("ml-1m/README", b"terms")
    return packed.getvalue()


@pytest.fixture
def published(archive, network, monkeypatch):
    """The card of ml-1m, as if the small archive were the published one."""
    check = "sha256:" + hashlib.sha256(archive).hexdigest()
    card = replace(CATALOGUE["ml-1m"], checks={"ml-1m.zip": check})
    monkeypatch.setitem(CATALOGUE, "ml-1m", card)
    network.pages[card.urls[0]] = archive
    return card


def test_fetched_once_unpacked_and_loaded(published, network, ml_1m, tmp_path):
    heard = []
    config = DataConfig(name="ml-1m", min_history=3)
    downloads = tmp_path / "downloads"
    loaded = load_dataset(config, downloads, lambda *step: heard.append(step))
    again = load_dataset(config, downloads)

    named = load_dataset(config.model_copy(update={"source": ml_1m}), downloads)
    assert loaded.dataset.interactions.equals(named.dataset.interactions)
    assert again.dataset.interactions.equals(named.dataset.interactions)
    assert network.asked == list(published.urls)
    size = len(network.pages[published.urls[0]])
    assert heard == [(size, size, "ml-1m.zip")] * 2
    found = sorted(path.name for path in (downloads / "ml-1m").iterdir())
    assert found == ["ml-1m.zip", "movies.dat", "ratings.dat", "users.dat"]
    assert not list(tmp_path.rglob("evil.dat"))


def test_what_is_there_is_not_fetched_again(published, network, tmp_path):
    folder = fetch(published, tmp_path / "downloads")
    (folder / "ml-1m.zip").unlink()
    network.pages.clear()
    assert fetch(published, tmp_path / "downloads") == folder
    (folder / "movies.dat").unlink()
    with pytest.raises(DataError, match=r"Cannot download https://"):
        fetch(published, tmp_path / "downloads")


def test_a_spoilt_download_is_named_and_fetched_again_once_it_is_deleted(network, tmp_path):
    card = CATALOGUE["amazon-books"]
    review = b'{"reviewerID": "u", "asin": "%s", "overall": 5.0, "unixReviewTime": %d}\n'
    reviews, meta = (url.rsplit("/", 1)[-1] for url in card.urls)
    network.pages = {
        card.urls[0]: gzip.compress(b"".join(review % (b"abc"[k : k + 1], k) for k in range(3))),
        card.urls[1]: gzip.compress(b"".join(b'{"asin": "%c"}\n' % name for name in b"abc")),
    }
    spoilt = tmp_path / "amazon-books" / reviews
    spoilt.parent.mkdir()
    spoilt.write_bytes(network.pages[card.urls[0]][:-9])
    config = DataConfig(name="amazon-books", min_history=3)
    with pytest.raises(DataError, match=rf"Cannot read .*fetched again, delete {spoilt} and run"):
        load_dataset(config, tmp_path)
    with pytest.raises(DataError, match=r"Cannot read .* name another one\.$"):
        load_dataset(config.model_copy(update={"source": spoilt.parent}), tmp_path)
    spoilt.unlink()
    assert load_dataset(config, tmp_path).dataset.n_items == 3
    assert [url.rsplit("/", 1)[-1] for url in network.asked] == [meta, reviews]


def test_another_content_is_refused(published, network, tmp_path):
    network.pages[published.urls[0]] += b"tampered"
    with pytest.raises(DataError, match=r"not the published file: its checksum differs.*--from"):
        fetch(published, tmp_path / "downloads")
    assert not list((tmp_path / "downloads").rglob("*.dat"))


def test_no_network(published, network, tmp_path):
    network.pages.clear()
    with pytest.raises(
        DataError, match=r"Cannot download https://.*no route to host.*ratings\.dat.*--from"
    ):
        fetch(published, tmp_path / "downloads")


def test_what_is_no_archive(published, network, tmp_path):
    network.pages[published.urls[0]] = b"<html>please log in</html>"
    card = replace(published, checks={"ml-1m.zip": None})
    with pytest.raises(DataError, match=r"Cannot unpack .*ml-1m\.zip"):
        fetch(card, tmp_path / "downloads")


def test_what_has_no_address_asks_for_a_folder(tmp_path):
    with pytest.raises(DataError, match=r"Book-Crossing cannot be downloaded.*BX-Users\.csv"):
        load_dataset(DataConfig(name="book-crossing"), tmp_path)


def test_digests_follow_content_and_not_place(ml_1m, tmp_path):
    config = DataConfig(name="ml-1m", source=ml_1m)
    before = source_digests(config)
    assert set(before) == {"ratings.dat", "users.dat", "movies.dat"}

    moved = ml_1m.rename(tmp_path / "elsewhere")
    (moved / "notes.txt").write_text("not read by the loader")
    config = config.model_copy(update={"source": moved})
    assert source_digests(config) == before

    (moved / "ratings.dat").write_text("1::10::5::1\n")
    after = source_digests(config)
    assert {name for name in after if after[name] != before[name]} == {"ratings.dat"}


def test_digests_do_not_know_how_files_are_packed(ml_1m):
    config = DataConfig(name="ml-1m", source=ml_1m)
    before = source_digests(config)
    plain = ml_1m / "ratings.dat"
    (ml_1m / "ratings.dat.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert source_digests(config) == before

    (ml_1m / "ratings.dat.gz").write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"Cannot read .*ratings\.dat\.gz"):
        source_digests(config)


def test_own_tables_of_one_name_are_kept_apart(tmp_path):
    for folder in ("orders", "products"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "table.csv").write_text(f"id\n{folder}\n")
    orders, products = tmp_path / "orders/table.csv", tmp_path / "products/table.csv"
    config = DataConfig(name="files", files=FilesConfig(interactions=orders, items=products))
    before = source_digests(config)
    orders.write_text("id\nmore\n")
    after = source_digests(config)
    assert before["interactions"] != after["interactions"]
    assert before["items"] == after["items"]


def test_digests_see_what_extends_a_publication_wherever_it_lies(ml_1m, tmp_path):
    for source, beside in ((ml_1m, tmp_path), (None, tmp_path / "downloads")):
        (beside / "movielens-1m-text").mkdir(parents=True)
        table = beside / "movielens-1m-text" / "extended_movie.csv"
        table.write_text("MovieID,overview,director,actors\n")
        config = DataConfig(name="ml-1m", source=source, enrich=True)
        before = source_digests(config, tmp_path / "downloads")
        table.write_text("MovieID,overview,director,actors\n10,Toys,,\n")
        after = source_digests(config, tmp_path / "downloads")
        assert {name for name in after if after[name] != before[name]} == {"extension"}
        plain = config.model_copy(update={"enrich": False})
        assert "extension" not in source_digests(plain, tmp_path / "downloads")


def test_digests_of_what_is_not_a_folder():
    assert source_digests(DataConfig()) == {}
    check = source_digests(DataConfig(name="ml-1m"))
    assert check == {"ml-1m.zip": "md5:c4d9eecfca2ab87c1945afe126590906"}
    assert set(source_digests(DataConfig(name="amazon-books")).values()) == {"unchecked"}
