"""JSON schemas in the front matter of templates."""

from __future__ import annotations

from collections.abc import Mapping


def check_schema(schema: object) -> None:
    """That a schema is one, and describes an object.

    Raises:
        ValueError: it is not.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    if not isinstance(schema, Mapping):
        raise ValueError("it must be a mapping with type: and properties:")
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        where = ".".join(map(str, error.absolute_path)) or "the schema"
        raise ValueError(f"{where}: {error.message[:200]}") from None
    if schema.get("type") != "object" or not schema.get("properties"):
        raise ValueError("it must have type: object and properties:")
