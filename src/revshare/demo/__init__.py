"""The demonstration: real sales in, every payee paid on a chain, and the books reconciled four ways.

`run` does it, and `revshare demo` shows it. What it is played on stands beside this file: `australia.toml`,
`australia.csv`, and DATA.md, which says where they come from.
"""

from __future__ import annotations

from ._run import DemoResult, Figures, Period, Progress, agreement, run

__all__ = ["DemoResult", "Figures", "Period", "Progress", "agreement", "run"]
