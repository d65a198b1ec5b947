"""Asking an export as a program would, and what its answers cost."""

from __future__ import annotations

import json
import os
import shlex
import urllib.error
import urllib.request
from http.client import HTTPException
from importlib.util import find_spec
from time import perf_counter
from typing import TYPE_CHECKING, Any

import polars as pl
import streamlit as st

from app.ui.serve.about import answers_histories, size_in_words
from app.ui.shared.frame import choose, plain, show_error, table
from app.ui.shared.words import hint
from data.errors import AutoGraphError, ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from app.serve.cost import Cold, Cost
    from app.serve.desk import Opened
    from recommend.serve.reader import Export

TOKEN = "AUTOGRAPH_TOKEN"
"""In the environment: what a server that was started from here asks for."""
ASKS, PATIENCE_S = 300, 10
"""Answers that are measured; seconds that a server may take for one."""
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Asks a server of this machine, which no proxy of the environment can reach."""
EXAMPLES = {
    "user": "Somebody it knows",
    "history": "A history",
    "such": "With conditions",
    "several": "Several at once",
}
"""What a call can be about."""


def lacks_serve() -> bool:
    """Whether what answers calls is not installed; says how to get it."""
    if all(map(find_spec, ("msgspec", "starlette"))):
        return False
    st.info(
        "To ask and serve an export: pip install 'autograph-rec[serve]'", icon=":material/download:"
    )
    return True


def example_call(export: Export, of: str = "user", k: int = 5) -> dict[str, Any]:
    """A call that the export can answer, of a user and items that it has.

    Args:
        export: That is asked.
        of: One of `EXAMPLES`.
        k: Items wanted.
    """
    from app.ui.demo.such import offers

    ids = export.users.to_series(0)
    longest = export.histories.lengths.argsort(kind="stable")[::-1]
    one, other = (ids[int(n)] for n in (longest[len(longest) // 2], longest[0]))
    if of == "history":
        some = export.had(one)[-3:] or export.items.to_series(0)[:1].to_list()
        return {"history": list(some), "k": k}
    if of == "several":
        return {"asks": [{"user": one, "k": k}, {"user": other, "k": k}]}
    if of == "such":
        there = next(iter(offers(export.items)), None)
        if there is None:
            return {"user": one, "k": k, "exclude": list(export.had(other)[-1:])}
        where: Any = there.values[0] if there.values else {"least": there.middle}
        return {"user": one, "k": k, "where": {there.name: where}}
    return {"user": one, "k": k}


def curl_line(url: str, call: dict[str, Any]) -> str:
    """The command that asks a server.

    >>> print(curl_line("http://127.0.0.1:8800", {"user": "u1", "k": 3}))
    curl http://127.0.0.1:8800/recommend -d '{"user": "u1", "k": 3}'
    """
    return shlex.join(["curl", f"{url}/recommend", "-d", json.dumps(call, ensure_ascii=False)])


def draw_trial(opened: Opened, url: str | None) -> None:
    """A call to write, and its answer.

    Args:
        opened: That answers in this process.
        url: Of a server that runs; None: this process answers.
    """
    from app.serve.cost import recommend_decoder

    recommend_decoder()  # what a process loads for its first answer is no part of its time
    export = opened.export
    kinds = dict(EXAMPLES)
    if not answers_histories(export.card):
        kinds.pop("history")
    of = choose("A call about", kinds, "call")
    call = json.dumps(example_call(export, of), indent=2, ensure_ascii=False)
    left, right = st.columns(2)
    with left:
        said = st.text_area(
            "POST /recommend",
            call,
            height=260,
            key=f"call-{of}-{opened.fingerprint}",
            max_chars=50_000,
        )
        pressed = st.button("Ask", type="primary", icon=":material/send:")
    with right:
        where = f"the server at {url}" if url else "this page's process, without a server"
        if not pressed:
            st.caption(f"The answer stands here. It comes from {where}.")
            return
        body = said.encode("utf-8", "replace")
        begin = perf_counter()
        try:
            status, answer = ask_server(url, body) if url else ask_here(opened, body)
        except AutoGraphError as error:
            show_error(error)
            return
        took = perf_counter() - begin
        color = "green" if status == 200 else "red"
        st.markdown(
            f":{color}-badge[{status}] in {1000 * took:.2f} ms, {size_in_words(len(answer))}, from "
            f"{plain(where)}"
        )
        st.code(_indented(answer), language="json", height=300, wrap_lines=True)


def ask_here(opened: Opened, body: bytes) -> tuple[int, bytes]:
    """The status and the bytes that the server would send, by the same functions."""
    import msgspec

    from app.serve import answers
    from app.serve.cost import recommend_decoder
    from app.serve.limits import Limits
    from app.serve.wire import Error, Refusal, read

    try:
        asked = read(body, recommend_decoder())
        return 200, msgspec.json.encode(answers.recommend(opened, asked, Limits()))
    except Refusal as refusal:
        return refusal.status, msgspec.json.encode(Error(refusal.told))


def ask_server(url: str, body: bytes) -> tuple[int, bytes]:
    """The status and the bytes that a server sends.

    Raises:
        ConfigError: it does not answer.
    """
    headers = {"Content-Type": "application/json"}
    if token := os.environ.get(TOKEN):
        headers["Authorization"] = f"Bearer {token}"
    asked = urllib.request.Request(f"{url}/recommend", body, headers, method="POST")
    try:
        with DIRECT.open(asked, timeout=PATIENCE_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except (OSError, HTTPException) as error:
        why = getattr(error, "reason", error)
        raise ConfigError(
            f"The server at {url} does not answer ({why}). The screen Jobs has its log."
        ) from None


def _indented(answer: bytes) -> str:
    try:
        return json.dumps(json.loads(answer), indent=2, ensure_ascii=False)
    except ValueError:
        return answer.decode("utf-8", "replace")


def draw_cost(opened: Opened, folder: Path) -> None:
    """What answers cost, once a visitor asks for it to be measured."""
    st.caption(
        f"{ASKS} calls for people who are drawn at random, one after another, measured in this "
        "page's process, without the network; and a fresh process that opens the export.",
        help=hint("p99"),
    )
    measured = f"cost of {opened.fingerprint}"
    if st.button("Measure it here", icon=":material/timer:", key="measure-cost"):
        try:
            with st.spinner("Asking …"):
                st.session_state[measured] = (
                    _measure(opened),
                    _fresh(str(folder), opened.fingerprint),
                )
        except AutoGraphError as error:
            show_error(error)
    if measured in st.session_state:
        draw_costs(*st.session_state[measured])


def _measure(opened: Opened) -> dict[str, Cost]:
    from app.serve.cost import bodies, measure

    asked = {"somebody it knows": bodies(opened.export, ASKS)}
    if answers_histories(opened.export.card):
        asked["a history"] = bodies(opened.export, ASKS, "history")
    return {name: measure(opened, calls) for name, calls in asked.items() if calls}


@st.cache_resource(show_spinner=False, max_entries=8)
def _fresh(folder: str, fingerprint: str) -> Cold:  # noqa: ARG001 (a part of its name)
    from pathlib import Path

    from app.serve.cost import start_fresh

    return start_fresh(Path(folder))


def cost_table(costs: dict[str, Cost]) -> pl.DataFrame:
    """A row a part of an answer: median and 99th percentile in milliseconds."""
    rows = []
    for name, cost in costs.items():
        parts = {
            f"Answer for {name}": cost.whole,
            "· reading the history": cost.reading,
            "· scores and search": cost.search,
            "· JSON, ids, conditions": cost.rest,
        }
        there = ((part, of) for part, of in parts.items() if of.p99)  # all of it may be scores
        rows += [(part, 1000 * of.median, 1000 * of.p99) for part, of in there]
    return pl.DataFrame(rows, ["part", "median_ms", "p99_ms"], orient="row")


def draw_costs(costs: dict[str, Cost], cold: Cold) -> None:
    """What was measured, as a table and in sentences."""
    number = st.column_config.NumberColumn
    looks = {
        "part": {"label": "Part"},
        "median_ms": number("Median, ms", format="%.3f"),
        "p99_ms": number("p99, ms", format="%.3f", help=hint("p99")),
    }
    table(cost_table(costs), "cost-of-answers", columns=looks)
    sizes = ", ".join(f"{size_in_words(cost.bytes)} for {name}" for name, cost in costs.items())
    st.caption(
        "Medians and percentiles of parts do not add up to those of the whole. An answer of 10 is "
        f"{sizes} (median). A fresh process had answered once and ended after "
        f"{cold.seconds:.1f} s; it held {size_in_words(cold.held)} of memory then, "
        f"{size_in_words(cold.own)} of them since it opened the export; the rest is Python and "
        "libraries. Other work on this machine is in all of these figures."
    )
