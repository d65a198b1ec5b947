"""Results of experiments, opened once for all who look at the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from app.pipeline.records import Record
from app.results.results import Results


def results_of(record: Record) -> Results:
    """All that an experiment left; what is opened of it is there for everybody."""
    return Results(record, keep)


@st.cache_resource(show_spinner="Opening results …", max_entries=128)
def keep(name: str, _make: Callable[[], Any]) -> Any:  # noqa: ARG001 (Streamlit looks at it)
    """What `_make` gives, made once a name; the name says all that the result depends on."""
    return _make()
