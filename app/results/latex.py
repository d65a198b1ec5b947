"""Tables for a paper, in LaTeX with booktabs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from app.results.metrics import METRICS
from app.results.wording import SIGN, SIGN_NOTE, change_in_words, no_difference_note

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "§": r"\S{}",
    "¶": r"\P{}",
    "‖": r"\textbardbl{}",
    SIGN: r"$\approx$",
}
CAPTION = (
    "Test metrics, means over seeds with their standard deviation; change against the baseline in "
    "per cent. * p < 0.05, ** p < 0.01, *** p < 0.001 of paired t-tests over users, corrected by "
    "Holm over the table."
)


def escape(text: object) -> str:
    r"""The text as LaTeX prints it, whatever is in it; line breaks are spaces.

    >>> print(escape("50 % of a_b & c\x1b"))
    50 \% of a\_b \& c?
    """
    letters = (one if one.isprintable() else "?" for one in " ".join(str(text).split()))
    return "".join(SPECIAL.get(letter, letter) for letter in letters)


def tabular(heads: Sequence[str], rows: Iterable[Sequence[str]], caption: str) -> str:
    """A floating table; the first column is on the left, all others on the right.

    Args:
        heads: Of columns, in LaTeX.
        rows: Cells, in LaTeX.
        caption: Plain text.
    """
    lines = [
        "% \\usepackage{booktabs}",
        "\\begin{table}",
        "\\centering",
        f"\\caption{{{escape(caption)}}}",
        f"\\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}",
        "\\toprule",
        " & ".join(heads) + " \\\\",
        "\\midrule",
        *(" & ".join(row) + " \\\\" for row in rows),
        "\\bottomrule",
        "\\end{tabular}",
        "\\end{table}",
    ]
    return "\n".join(lines) + "\n"


def comparison_latex(
    compared: pl.DataFrame,
    cautions: Sequence[str] = (),
    caption: str = CAPTION,
    drawn: str = "",
) -> str:
    """The table of `app.results.comparison.compare_contenders`, a row a recommender.

    The best mean of each metric is bold; notes of caution end the caption. What `drawn_among` says
    stands after its first words, which name the metrics.
    """
    metrics = [name for name in METRICS if name in compared["metric"].to_list()]
    changed = compared["baseline"].is_not_null().any()
    best = {m: compared.filter(metric=m)["mean"].max() for m in metrics}
    heads = ["Recommender"]
    for metric in metrics:
        heads += [escape(METRICS[metric]), *(["$\\Delta$ \\%"] if changed else [])]
    rows = []
    for run in compared["run"].unique(maintain_order=True):
        cells = [escape(run)]
        for metric in metrics:
            row = compared.row(by_predicate=_is(run, metric), named=True)
            cells += [
                _value(row, row["mean"] == best[metric]),
                *([_change(row)] if changed else []),
            ]
        rows.append(cells)
    caption = caption.replace("Test metrics", f"Test metrics{drawn}", 1)
    return tabular(
        heads, rows, " ".join([caption, *no_difference_note(compared, SIGN_NOTE), *cautions])
    )


def _is(run: str, metric: str) -> pl.Expr:
    return (pl.col("run") == run) & (pl.col("metric") == metric)


def _value(row: dict[str, Any], best: bool) -> str:
    mean = f"{row['mean']:.4f}"
    mean = f"\\textbf{{{mean}}}" if best else mean
    spread = "" if row["sd"] is None else f" $\\pm$ {row['sd']:.4f}"
    return f"{mean}{spread}" + (f"$^{{{row['mark']}}}$" if row.get("mark") else "")


def _change(row: dict[str, Any]) -> str:
    change = change_in_words(row, short=True)
    return escape(change) if change in ("", SIGN) else f"${change}$"
