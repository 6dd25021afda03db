"""The chain: compile and deploy the contracts, call them, read what happened. Only this package imports web3.

Names are imported when first used; compiling, and reading artifacts, need no web3.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .amendable import AmendableSplit, Announcement
    from .book import AnnouncedRoot, PayoutBook, PromisedRoot
    from .calls import Call, Preview
    from .chains import AliasAddress, Chain, ListedToken
    from .changes import Change, Changes
    from .devnet import Devnet
    from .erc20 import DemoToken, Erc20
    from .escrow import EscrowedSale, SaleEscrow, SaleState
    from .events import (
        AmendableSplitCreated,
        Amended,
        AmendmentProposed,
        AmendmentWithdrawn,
        Claimed,
        ConsentRevoked,
        ControllerChanged,
        ControllerProposed,
        Credited,
        CreditWithdrawn,
        Distributed,
        Event,
        PaymentSkipped,
        Remitted,
        SalePaid,
        SplitCreated,
        TermsApplied,
    )
    from .explorers import PublishedSource, publish_source
    from .factory import RevenueSplitFactory
    from .kms import KmsSigner
    from .proposal import Proposal
    from .reader import Cursor, EventReader, Update
    from .signers import KeystoreExposed, Signer, load_keystore
    from .sources import ContractSource, source_at
    from .split import RevenueSplit
    from .statements import Line, Statement, replay
    from .terms import COIN, Terms, record_id
    from .tokens import Permit
    from .transactions import GAS_CAP, Pending, Receipt, Signed, broadcast

_HOME = {
    "amendable": ("AmendableSplit", "Announcement"),
    "book": ("AnnouncedRoot", "PayoutBook", "PromisedRoot"),
    "calls": ("Call", "Preview"),
    "chains": ("AliasAddress", "Chain", "ListedToken"),
    "changes": ("Change", "Changes"),
    "devnet": ("Devnet",),
    "erc20": ("DemoToken", "Erc20"),
    "escrow": ("EscrowedSale", "SaleEscrow", "SaleState"),
    "events": (
        "AmendableSplitCreated",
        "Amended",
        "AmendmentProposed",
        "AmendmentWithdrawn",
        "Claimed",
        "ConsentRevoked",
        "ControllerChanged",
        "ControllerProposed",
        "CreditWithdrawn",
        "Credited",
        "Distributed",
        "Event",
        "PaymentSkipped",
        "Remitted",
        "SalePaid",
        "SplitCreated",
        "TermsApplied",
    ),
    "explorers": ("PublishedSource", "publish_source"),
    "factory": ("RevenueSplitFactory",),
    "kms": ("KmsSigner",),
    "proposal": ("Proposal",),
    "reader": ("Cursor", "EventReader", "Update"),
    "signers": ("KeystoreExposed", "Signer", "load_keystore"),
    "sources": ("ContractSource", "source_at"),
    "split": ("RevenueSplit",),
    "statements": ("Line", "Statement", "replay"),
    "terms": ("COIN", "Terms", "record_id"),
    "tokens": ("Permit",),
    "transactions": ("GAS_CAP", "Pending", "Receipt", "Signed", "broadcast"),
}
"""The public names, by the module they are made in."""

__all__ = [
    "COIN",
    "GAS_CAP",
    "AliasAddress",
    "AmendableSplit",
    "AmendableSplitCreated",
    "Amended",
    "AmendmentProposed",
    "AmendmentWithdrawn",
    "AnnouncedRoot",
    "Announcement",
    "Call",
    "Chain",
    "Change",
    "Changes",
    "Claimed",
    "ConsentRevoked",
    "ContractSource",
    "ControllerChanged",
    "ControllerProposed",
    "CreditWithdrawn",
    "Credited",
    "Cursor",
    "DemoToken",
    "Devnet",
    "Distributed",
    "Erc20",
    "EscrowedSale",
    "Event",
    "EventReader",
    "KeystoreExposed",
    "KmsSigner",
    "Line",
    "ListedToken",
    "PaymentSkipped",
    "PayoutBook",
    "Pending",
    "Permit",
    "Preview",
    "PromisedRoot",
    "Proposal",
    "PublishedSource",
    "Receipt",
    "Remitted",
    "RevenueSplit",
    "RevenueSplitFactory",
    "SaleEscrow",
    "SalePaid",
    "SaleState",
    "Signed",
    "Signer",
    "SplitCreated",
    "Statement",
    "Terms",
    "TermsApplied",
    "Update",
    "broadcast",
    "load_keystore",
    "publish_source",
    "record_id",
    "replay",
    "source_at",
]


def __getattr__(name: str) -> object:
    for module, names in _HOME.items():
        if name in names:
            value: object = getattr(import_module(f".{module}", __name__), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
