"""The latent factors of a run, opened to be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.pipeline.records import Record
from data.errors import ConfigError

if TYPE_CHECKING:
    from quantize.lexicon import Lexicon


def open_lexicon(record: Record, side: str) -> Lexicon:
    """All factors of one side of a run.

    Raises:
        ArtifactError: its codes or the names of its factors are not finished.
    """
    from llm.knowledge import Knowledge
    from llm.vectors import Vectors
    from quantize.describe import FactorDescriptions
    from quantize.fit import FittedCodes
    from quantize.lexicon import Lexicon
    from quantize.members import gaps, residuals
    from quantize.mentions import Mentions

    fitted = FittedCodes.load(record.folder(f"codes-{side}"))
    vectors = Vectors.load(record.folder(f"vectors-{side}"))
    texts = Knowledge.load(record.encoded_texts(side)).texts
    described = FactorDescriptions.load(record.folder(f"factors-{side}"))
    distances = gaps(residuals(fitted, vectors.matrix))
    return Lexicon(fitted.codes, described, distances, Mentions(texts))


def factor_of(lexicon: Lexicon, written: str) -> tuple[int, int]:
    """Level and code of a factor that is written as "level-code".

    Raises:
        ConfigError: there is no such factor.
    """
    codes, (level, dash, code) = lexicon.codes, written.partition("-")
    if level.isdecimal() and dash and code.isdecimal():
        found = int(level), int(code)
        if found[0] < codes.levels and found[1] < codes.k:
            return found
    raise ConfigError(
        f"There is no factor {written!r}. A factor is written LEVEL-CODE, with levels 0 to "
        f"{codes.levels - 1} and codes 0 to {codes.k - 1}, for instance 0-1."
    )
