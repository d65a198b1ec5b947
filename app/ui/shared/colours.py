"""The colours of the page as it is shown now."""

from __future__ import annotations

from app.results.colours import DARK, LIGHT, Palette
from app.ui.shared.charts import palette

__all__ = ["DARK", "LIGHT", "Palette", "palette"]
