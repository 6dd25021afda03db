"""Sales and credit notes: what was sold, and what was given back."""

from __future__ import annotations

from ._sale import Sale

__all__ = ["Sale"]
