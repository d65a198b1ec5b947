"""JSON schemas in the front matter of templates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

_REFERENCES = ("$ref", "$dynamicRef")


def check_schema(schema: object) -> None:
    """Nothing, if a schema is one, describes an object, and says everything itself.

    Raises:
        ValueError: it is not.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    if not isinstance(schema, Mapping):
        raise ValueError("it must be a mapping with type: and properties:")
    _check_json(schema)
    try:
        Draft202012Validator.check_schema(dict(schema))
        _check_references(schema)
        validator_of(schema).is_valid({})
    except SchemaError as error:
        where = ".".join(map(str, error.absolute_path)) or "the schema"
        raise ValueError(f"{where}: {error.message[:200]}") from None
    except RecursionError:
        raise ValueError("its parts are nested too deeply, or lead to themselves") from None
    if schema.get("type") != "object" or not schema.get("properties"):
        raise ValueError("it must have type: object and properties:")


def validator_of(schema: Mapping[str, Any]) -> Draft202012Validator:
    """What checks answers; it reads the schema alone, never a file or an address."""
    from jsonschema import Draft202012Validator
    from referencing import Registry

    return Draft202012Validator(dict(schema), registry=Registry())


def _check_json(schema: Mapping[str, Any]) -> None:
    """That an endpoint can be sent the schema: YAML also has dates, and numbers for names."""
    try:
        whole = json.loads(json.dumps(schema)) == schema
    except (TypeError, ValueError, RecursionError):
        whole = False
    if not whole:
        raise ValueError(
            "it holds what JSON has not, such as a date, or a name that is a number or yes or no; "
            "put that in quotes"
        )


def _check_references(schema: Mapping[str, Any]) -> None:
    """That every reference leads to a part of the schema that is a schema as well."""
    from jsonschema import Draft202012Validator
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    whole = DRAFT202012.create_resource(dict(schema))
    left, seen = [(whole, Registry().resolver_with_root(whole))], set[int]()
    while left:
        part, resolver = left.pop()
        if not isinstance(part.contents, Mapping) or id(part.contents) in seen:
            continue
        seen.add(id(part.contents))
        for name, reference in part.contents.items():
            if name not in _REFERENCES:
                continue
            if not str(reference).startswith("#"):
                raise ValueError(
                    f"{name}: {reference!r} leads out of it; only its own parts can be named, "
                    "such as #/$defs/mood"
                )
            try:
                found = resolver.lookup(reference)
            except Unresolvable:
                raise ValueError(f"{name}: there is no {reference!r} in it") from None
            Draft202012Validator.check_schema(found.contents)
            left.append((DRAFT202012.create_resource(found.contents), found.resolver))
        left += ((below, resolver.in_subresource(below)) for below in part.subresources())
