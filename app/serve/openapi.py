"""What the server answers, as OpenAPI says it, and as a page that needs nothing from elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

import msgspec

from app.serve.desk import Opened
from app.serve.limits import Limits
from app.serve.wire import (
    STATUS,
    Answer,
    Answers,
    AskBody,
    BatchBody,
    Error,
    ExplainBody,
    Explanation,
    Kind,
    NewcomerBody,
    Placed,
    SimilarBody,
)

SCHEMAS = "#/components/schemas/{name}"
OF_ALL = (
    *(Kind.BODY, Kind.VALUE, Kind.UNKNOWN, Kind.TOKEN, Kind.HOST, Kind.LARGE, Kind.SLOW),
    *(Kind.BUSY, Kind.BROKEN),
)
"""What can go wrong wherever a body is read."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One that is asked with a body.

    Attributes:
        path: Of it.
        summary: What it answers, in a line.
        asked: What its body can be.
        answered: What its answer can be.
        example: A body.
    """

    path: str
    summary: str
    asked: tuple[type[msgspec.Struct], ...]
    answered: tuple[type[msgspec.Struct], ...]
    example: dict[str, Any]


def endpoints(opened: Opened | None) -> tuple[Endpoint, ...]:
    """All that are asked with a body, with examples of the export that answers.

    Args:
        opened: None: names of nobody are shown.
    """
    user, item = some_names(opened)
    queries = () if opened is None else opened.export.queries[:1]
    wanted = {"for": queries[0]} if queries else {}
    return (
        Endpoint(
            "/recommend",
            "Items for a user, or for a history; several asks at once as asks.",
            (AskBody, BatchBody),
            (Answer, Answers),
            {"user": user, "k": 3, **wanted},
        ),
        Endpoint("/similar", "Items like one.", (SimilarBody,), (Answer,), {"item": item, "k": 3}),
        Endpoint(
            "/explain",
            "Why an item is shown to a user, or after a history.",
            (ExplainBody,),
            (Explanation,),
            {"item": item, "user": user, **wanted},
        ),
        Endpoint(
            "/newcomer",
            "What a new user, or a new item, is taken for.",
            (NewcomerBody,),
            (Placed,),
            {"side": "user", "history": [item], "k": 3},
        ),
    )


def some_names(opened: Opened | None) -> tuple[str, str]:
    """A user and an item that can be asked about."""
    if opened is None:
        return "USER", "ITEM"
    export = opened.export
    users, items = (of.to_series(0).head(1).to_list() for of in (export.users, export.items))
    return (users or ["USER"])[0], (items or ["ITEM"])[0]


def openapi(opened: Opened | None, limits: Limits, with_token: bool) -> dict[str, Any]:
    """The description of all endpoints.

    Args:
        opened: Whose examples are shown; None: names of nobody.
        limits: That bodies are held to.
        with_token: Whether requests have to bring one.
    """
    paths: dict[str, Any] = {}
    kinds: list[Any] = [Error]
    for one in endpoints(opened):
        kinds += [*one.asked, *one.answered]
        paths[one.path] = {"post": _post(one, with_token)}
    for path, summary, type in (
        ("/health", "What answers, since when, and whether a newer export was refused.", "json"),
        ("/metrics", "Requests, seconds and asks, as Prometheus reads them.", "text"),
    ):
        paths[path] = {"get": _get(path, summary, type, with_token)}
    _, schemas = msgspec.json.schema_components(kinds, ref_template=SCHEMAS)
    _bound(schemas, limits)
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "AutoGraph",
            "version": opened.fingerprint if opened is not None else "1",
            "description": "Recommendations from an export.",
        },
        "paths": paths,
        "components": {"schemas": schemas},
    }
    if with_token:
        found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return found


def _post(one: Endpoint, with_token: bool) -> dict[str, Any]:
    return {
        "summary": one.summary,
        "operationId": one.path.strip("/"),
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _any(one.asked), "example": one.example}},
        },
        "responses": {"200": _json("The answer.", _any(one.answered)), **_wrong(OF_ALL)},
        **_secured(with_token),
    }


def _get(path: str, summary: str, type: str, with_token: bool) -> dict[str, Any]:
    answer = (
        _json(summary, {"type": "object"})
        if type == "json"
        else {"description": summary, "content": {"text/plain": {"schema": {"type": "string"}}}}
    )
    closed = path != "/health"
    wrong = (Kind.HOST, Kind.LARGE, Kind.SLOW, *((Kind.TOKEN, Kind.BUSY) if closed else ()))
    return {
        "summary": summary,
        "operationId": path.strip("/"),
        "responses": {"200": answer, **_wrong(wrong)},
        **_secured(with_token and closed),
    }


def _wrong(kinds: tuple[Kind, ...]) -> dict[str, Any]:
    of: dict[str, list[str]] = {}
    for kind in kinds:
        of.setdefault(str(STATUS[kind]), []).append(kind.value)
    schema = {"$ref": SCHEMAS.format(name="Error")}
    return {status: _json(" or ".join(names), schema) for status, names in of.items()}


def _secured(with_token: bool) -> dict[str, Any]:
    return {"security": [{"token": []}]} if with_token else {}


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _any(kinds: tuple[type[msgspec.Struct], ...]) -> dict[str, Any]:
    told = [{"$ref": SCHEMAS.format(name=kind.__name__)} for kind in kinds]
    return told[0] if len(told) == 1 else {"anyOf": told}


def _bound(schemas: dict[str, Any], limits: Limits) -> None:
    """Writes into schemas what a body is held to."""
    for schema in schemas.values():
        fields = schema.get("properties", {})
        if "k" in fields:
            fields["k"]["maximum"] = limits.k
        for name in ("history", "exclude"):
            for kind in (fields.get(name, {}), *fields.get(name, {}).get("anyOf", ())):
                if kind.get("type") == "array":
                    kind["maxItems"] = limits.history
        if "asks" in fields:
            fields["asks"]["maxItems"] = limits.asks


def page(opened: Opened | None, limits: Limits, with_token: bool) -> str:
    """A page that lists all of it, and asks.

    Args:
        opened: Whose examples are shown; None: names of nobody.
        limits: That bodies are held to.
        with_token: Whether requests have to bring one.
    """
    from jinja2 import Environment

    text = resources.files("app.serve").joinpath("docs.html.jinja").read_text(encoding="utf-8")
    about = openapi(opened, limits, with_token)
    return (
        Environment(autoescape=True)
        .from_string(text)
        .render(
            about=about,
            schemas=about["components"]["schemas"],
            endpoints=[
                (one, json.dumps(one.example, ensure_ascii=False)) for one in endpoints(opened)
            ],
            gets=[(path, of["get"]) for path, of in about["paths"].items() if "get" in of],
            opened=opened,
            with_token=with_token,
            fields=_fields(about["components"]["schemas"]),
        )
    )


def _fields(schemas: dict[str, Any]) -> dict[str, list[tuple[str, str, str, str]]]:
    """Of each schema, its fields: name, type, what is there without it, and what it is."""
    return {
        name: [
            (
                field,
                _type(of),
                "needed" if field in schema.get("required", ()) else json.dumps(of.get("default")),
                of.get("description", ""),
            )
            for field, of in schema.get("properties", {}).items()
        ]
        for name, schema in schemas.items()
    }


def _type(of: dict[str, Any]) -> str:
    if "$ref" in of:
        return str(of["$ref"]).rpartition("/")[2]
    if "anyOf" in of:
        return " or ".join(dict.fromkeys(_type(one) for one in of["anyOf"]))
    if of.get("type") == "array":
        return f"list of {_type(of['items'])}"
    signs = (("minimum", "≥"), ("maximum", "≤"))
    bounds = [f"{sign} {of[key]}" for key, sign in signs if key in of]
    return " ".join([str(of.get("type", "text")), *bounds])
