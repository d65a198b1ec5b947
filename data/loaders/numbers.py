"""Numbers as people write them, and numbers that are none: identifiers, placeholders."""

from __future__ import annotations

import re

import polars as pl

from data.errors import DataError

NO_NUMBER = ("nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity")
"""What programs write where a number is missing, in small letters."""
NO_TEXT = ("nan", "NaN", "NAN", "inf", "-inf", "+inf")
"""What programs write where a text is missing; people write none of them alone."""
POINT = r"^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$"
COMMA = r"^[-+]?(?:\d+,?\d*|,\d+)$"
PARTED = {
    ".": r"^[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?$",
    ",": r"^[-+]?[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?$",
}
"""By the mark before the decimals: numbers whose thousands are parted by the other one."""
EITHER = r"^[-+]?[1-9]\d{0,2}[.,]\d{3}$"
"""One mark with three digits after it: thousands, or decimals."""
SHORT_POWER = r"^[-+]?\d+[eE]\d+$"
"""A number such as 1E0, and just as well a code."""
LONGEST = 11
"""Digits of a whole number that may be a quantity; longer ones, such as EAN and ISBN, are names."""
NAMES = re.compile(
    r"(^|[^a-z])(ean|isbn|issn|upc|gtin|sku|asin|barcode|plz|zip|postcode|phone)(\d*$|[^a-z])"
    r"|(^|[^a-z])(id|nr|no|code)[^a-z]*$"
)
"""Names of columns whose numbers are names."""


def decimal_mark(values: pl.Series, where: str, said: str | None = None) -> str:
    """The mark before the decimals of numbers in a column: "." or ",".

    >>> decimal_mark(pl.Series(["4,5", "3"]), "a.csv")
    ','
    >>> decimal_mark(pl.Series(["1,234.5"]), "a.csv")
    '.'

    Args:
        values: (n,) String, without blanks around.
        where: The file and the column, for messages.
        said: What a person says it is; None: told from all values.

    Raises:
        DataError: it may be either.
    """
    if said is not None:
        return said
    marked = values.filter(values.str.contains(r"[.,]"))
    if marked.is_empty():
        return "."
    fits = {mark: int(_fits(marked, mark).sum()) for mark in ".,"}
    if fits["."] == fits[","] and fits["."]:
        either = marked.filter(marked.str.contains(EITHER))
        what = (
            f"holds {either[0]}, which may be a thousand or more with its digits parted, or a "
            "small number with three decimals, and no other value tells which"
            if len(either)
            else "writes decimals with a point as often as with a comma"
        )
        raise DataError(
            f'{where} {what}. Say it: data.files.decimal = "." or "," (on the page: Decimals).'
        )
    return max(fits, key=lambda mark: fits[mark])


def numbers_of(values: pl.Series, mark: str) -> pl.Series:
    """(n,) Float64 of numbers in texts, null where one is none or is not finite.

    >>> numbers_of(pl.Series(["4,5", "1.234,5", "x", "inf"]), ",").to_list()
    [4.5, 1234.5, None, None]
    """
    other = "," if mark == "." else "."
    whole = pl.select(
        pl.when(values.str.contains(PARTED[mark]))
        .then(values.str.replace_all(other, "", literal=True))
        .when(~values.str.contains(other, literal=True))
        .then(values)
    ).to_series()
    numbers = whole.str.replace(mark, ".", literal=True).cast(pl.Float64, strict=False)
    return pl.select(pl.when(numbers.is_finite()).then(numbers)).to_series()


def as_quantities(values: pl.Series, said: str | None = None) -> pl.Series:
    """`values` as numbers if all are quantities; texts otherwise, a name digit by digit.

    Names are codes with a leading zero (02139), numbers too long for a quantity (EAN, ISBN), codes
    such as 1E0, and all numbers of a column that is called after one.

    >>> as_quantities(pl.Series("price", ["12.5", "inf", "3"])).to_list()
    [12.5, None, 3.0]
    >>> as_quantities(pl.Series("ean", ["4006381333931"])).to_list()
    ['4006381333931']
    """
    plain = values.str.strip_chars()
    missing = plain.str.to_lowercase().is_in(NO_NUMBER)
    given = plain.filter(plain.is_not_null() & ~missing)
    if given.is_empty() or _is_name(values.name, given):
        return as_texts(values)
    try:
        mark = decimal_mark(given, values.name, said)
    except DataError:
        return as_texts(values)
    known = pl.select(pl.when(~missing).then(plain)).to_series().alias(values.name)
    whole = known.cast(pl.Int64, strict=False)
    for numbers in (whole, numbers_of(known, mark)):
        if numbers.null_count() == known.null_count():
            return numbers.alias(values.name)
    return as_texts(values)


def as_texts(values: pl.Series) -> pl.Series:
    """Texts, null where a program wrote that there is none.

    >>> as_texts(pl.Series(["NaN", "Nan", "inf"])).to_list()
    [None, 'Nan', None]
    """
    texts = values.cast(pl.String)
    return texts.set(texts.str.strip_chars().is_in(NO_TEXT).fill_null(False), None)


def without_gaps(values: pl.Series) -> pl.Series:
    """Numbers of a typed column, null where one is not finite, in lists too."""
    if values.dtype.is_float():
        return pl.select(pl.when(values.is_finite()).then(values).alias(values.name)).to_series()
    if isinstance(values.dtype, pl.List) and values.dtype.inner.is_float():
        return values.list.eval(pl.element().filter(pl.element().is_finite()))
    return values


def _is_name(column: str, given: pl.Series) -> bool:
    digits = given.str.replace_all(r"\D", "").str.len_chars()
    whole = given.str.contains(r"^[-+]?\d+$")
    powers = given.str.contains(SHORT_POWER)
    return bool(
        NAMES.search(column.lower())
        or given.str.contains(r"^-?0\d").any()
        or (whole & (digits > LONGEST)).any()
        or (powers.any() and not given.str.contains(r"[.,]\d").any())
    )


def _fits(values: pl.Series, mark: str) -> pl.Series:
    """Whether each value is a number with this mark, thousands parted or not."""
    plain = values.str.contains(POINT if mark == "." else COMMA)
    return plain | values.str.contains(PARTED[mark])
