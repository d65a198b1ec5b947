"""Whatever is sent, right or wrong: no failure, and no answer that the description lacks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from serve_fakes import write_export
from starlette.testclient import TestClient

from app.serve.api import make_app
from app.serve.desk import Desk
from app.serve.gate import Door
from app.serve.hosts import Hosts
from app.serve.limits import Limits

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    unsupported_method,
]


NAMES = st.sampled_from(["year", "genres", "title", "item_id", "", "colour"])
PLAIN = st.sampled_from(["odd", "Alien", "1984", 1984, 1984.0, -1, 10**30, 1e300, True])
BOUNDS = st.dictionaries(st.sampled_from(["least", "below", "most"]), st.floats(allow_nan=False))
WHERE = st.dictionaries(NAMES, PLAIN | st.lists(PLAIN, max_size=3) | BOUNDS, max_size=2)
ITEMS = st.lists(st.sampled_from([*(f"i{n}" for n in range(8)), "none", "\x00", ""]), max_size=5)
ASKS = st.fixed_dictionaries(
    {},
    optional={
        "user": st.sampled_from(["u0", "u3", "none", None]),
        "history": ITEMS | st.none(),
        "k": st.integers(-1, 1002),
        "exclude": ITEMS,
        "where": WHERE,
        "again": st.booleans(),
        "for": st.sampled_from(["0-1", "ship", "none", "", None]),
    },
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory):
    folder: Path = tmp_path_factory.mktemp("served") / "export"
    write_export(folder, asked=True)
    door = Door(hosts=Hosts(allowed=("testserver",)))
    return make_app(Desk(folder), Limits(seconds=60), door)


@pytest.fixture(scope="module")
def described(app):
    return schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("path", ["/recommend", "/explain", "/newcomer"])
def test_nothing_that_is_sent_breaks_it(described, path, mode):
    @settings(
        max_examples=15,
        deadline=None,
        derandomize=True,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=described[path]["POST"].as_strategy(generation_mode=mode))
    def send(case):
        case.call_and_validate(checks=CHECKS)

    send()


NEWCOMERS = st.fixed_dictionaries(
    {"side": st.sampled_from(["user", "item"])},
    optional={
        "words": st.sampled_from(["dune", "", "\x00", "odd 1984 \ud83d"]),
        "attributes": st.dictionaries(NAMES, PLAIN | st.lists(PLAIN, max_size=3), max_size=2),
        "history": ITEMS,
        "where": WHERE,
    },
)
WHYS = st.fixed_dictionaries(
    {"item": st.sampled_from(["i0", "i7", "none"])},
    optional={"user": st.sampled_from(["u0", "none"]), "history": ITEMS | st.none()},
)


def test_no_ask_about_what_there_is_breaks_it(app):
    batches = ASKS.map(lambda ask: {"asks": [{"user": "u1"}, ask]})
    ways = st.one_of(
        st.tuples(st.just("/recommend"), ASKS | batches),
        st.tuples(st.just("/newcomer"), NEWCOMERS),
        st.tuples(st.just("/explain"), WHYS),
    )

    @settings(max_examples=200, deadline=None, derandomize=True, phases=(Phase.generate,))
    @given(ways)
    def send(way):
        path, body = way
        raw = json.dumps(body).replace("Infinity", "1e999")
        answer = client.post(path, content=raw)
        assert answer.status_code in (200, 404, 422), answer.text

    with TestClient(app) as client:
        send()
