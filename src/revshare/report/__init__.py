"""Statements for payees, books for accountants, and proofs of single sales.

    statement = statement_of(ledger, agreement, "2011-03")
    statement["designer"].earned, statement["designer"].paid
    to_html(statement, "designer")
    books(statements_of(ledger, agreement)).to_beancount()
    sale_proof(ledger, sale).to_json()
    SaleProof.load("proof.json").verify(w3)

Statements and books are values, worked out by the money rule; nothing here changes a ledger or a chain.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._books import Books, Position, books
    from ._ledger import epochs_of, find_sale, sale_proof, statement_of, statements_of
    from ._model import (
        Line,
        PayeeStatement,
        PeriodStatement,
        Remittance,
        TierShare,
        TransactionLine,
        period_statement,
    )
    from ._pdf import to_pdf
    from ._proof import ProvedSale, SaleProof, prove
    from ._render import to_csv, to_dict, to_excel, to_html, to_rich

__all__ = [
    "Books",
    "Line",
    "PayeeStatement",
    "PeriodStatement",
    "Position",
    "ProvedSale",
    "Remittance",
    "SaleProof",
    "TierShare",
    "TransactionLine",
    "books",
    "epochs_of",
    "find_sale",
    "period_statement",
    "prove",
    "sale_proof",
    "statement_of",
    "statements_of",
    "to_csv",
    "to_dict",
    "to_excel",
    "to_html",
    "to_pdf",
    "to_rich",
]

_HOME = {
    "_books": ("Books", "Position", "books"),
    "_ledger": ("epochs_of", "find_sale", "sale_proof", "statement_of", "statements_of"),
    "_model": (
        "Line",
        "PayeeStatement",
        "PeriodStatement",
        "Remittance",
        "TierShare",
        "TransactionLine",
        "period_statement",
    ),
    "_pdf": ("to_pdf",),
    "_proof": ("ProvedSale", "SaleProof", "prove"),
    "_render": ("to_csv", "to_dict", "to_excel", "to_html", "to_rich"),
}


def __getattr__(name: str) -> object:
    for module, names in _HOME.items():
        if name in names:
            value: object = getattr(import_module(f".{module}", __name__), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
