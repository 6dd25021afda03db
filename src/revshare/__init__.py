"""Split revenue by smart contract: agreements people can read, payouts exact to the last unit.

Names are imported when first used, so that ``import revshare`` is quick and pulls in
neither web3 nor a database.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._enforcement import Enforcement
    from ._governance import Governance
    from .accounts import Accounts
    from .agreement import Agreement, Payee, Tier
    from .analytics import SalesTable
    from .chain import (
        AmendableSplit,
        Call,
        ContractSource,
        PayoutBook,
        Proposal,
        PublishedSource,
        Receipt,
        RevenueSplit,
        RevenueSplitFactory,
        SaleEscrow,
        publish_source,
        source_at,
    )
    from .chain.chains import Chain, chains
    from .clearing import Clearing, Invoice, clear
    from .errors import (
        AgreementError,
        AliasedToken,
        AmountError,
        AmountsFell,
        AmountTypeError,
        ArtifactsDiffer,
        BadCell,
        ChainError,
        CircularSplits,
        CompileError,
        CompilerNotFound,
        ConflictError,
        ContractError,
        ExplorerError,
        FeesTooHigh,
        ImportRefused,
        InsufficientAllowance,
        InsufficientFunds,
        InvalidInput,
        LeaseLost,
        LedgerBusy,
        LedgerDamaged,
        LedgerError,
        LedgerFull,
        LedgerReadOnly,
        LedgerTooNew,
        MappingError,
        MissingExtra,
        NeedsPayoutBook,
        NegativeRevenue,
        NotDeployed,
        Problem,
        ProofRefused,
        ProviderError,
        ReorgDetected,
        RevShareError,
        SettlementConflict,
        SettlementError,
        SettlementTimeout,
        SignerError,
        SourceRefused,
        StaleNode,
        StuckTransaction,
        TermsMismatch,
        TransactionFailed,
        UnknownPayee,
        Unreachable,
        UnsupportedChain,
        WrongChain,
    )
    from .ledger import Entry, Ledger, Period, Sale, Totals
    from .ledger.imports import SaleMapping, guess_mapping
    from .merkle import MerkleTree
    from .money import Token
    from .payouts import PayoutTree, check_successor
    from .report import PeriodStatement, SaleProof, statement_of, statements_of
    from .schedule import Attribution, Schedule
    from .settlement import Reconciliation, SettlementPlan, SettlementResult, Settler, reconcile, settle
    from .simulation import Bootstrap, Comparison, Growth, Simulation, simulate

__all__ = [
    "Accounts",
    "Agreement",
    "AgreementError",
    "AliasedToken",
    "AmendableSplit",
    "AmountError",
    "AmountTypeError",
    "AmountsFell",
    "ArtifactsDiffer",
    "Attribution",
    "BadCell",
    "Bootstrap",
    "Call",
    "Chain",
    "ChainError",
    "CircularSplits",
    "Clearing",
    "Comparison",
    "CompileError",
    "CompilerNotFound",
    "ConflictError",
    "ContractError",
    "ContractSource",
    "Enforcement",
    "Entry",
    "ExplorerError",
    "FeesTooHigh",
    "Governance",
    "Growth",
    "ImportRefused",
    "InsufficientAllowance",
    "InsufficientFunds",
    "InvalidInput",
    "Invoice",
    "LeaseLost",
    "Ledger",
    "LedgerBusy",
    "LedgerDamaged",
    "LedgerError",
    "LedgerFull",
    "LedgerReadOnly",
    "LedgerTooNew",
    "MappingError",
    "MerkleTree",
    "MissingExtra",
    "NeedsPayoutBook",
    "NegativeRevenue",
    "NotDeployed",
    "Payee",
    "PayoutBook",
    "PayoutTree",
    "Period",
    "PeriodStatement",
    "Problem",
    "ProofRefused",
    "Proposal",
    "ProviderError",
    "PublishedSource",
    "Receipt",
    "Reconciliation",
    "ReorgDetected",
    "RevShareError",
    "RevenueSplit",
    "RevenueSplitFactory",
    "Sale",
    "SaleEscrow",
    "SaleMapping",
    "SaleProof",
    "SalesTable",
    "Schedule",
    "SettlementConflict",
    "SettlementError",
    "SettlementPlan",
    "SettlementResult",
    "SettlementTimeout",
    "Settler",
    "SignerError",
    "Simulation",
    "SourceRefused",
    "StaleNode",
    "StuckTransaction",
    "TermsMismatch",
    "Tier",
    "Token",
    "Totals",
    "TransactionFailed",
    "UnknownPayee",
    "Unreachable",
    "UnsupportedChain",
    "WrongChain",
    "__version__",
    "chains",
    "check_successor",
    "clear",
    "guess_mapping",
    "publish_source",
    "reconcile",
    "settle",
    "simulate",
    "source_at",
    "statement_of",
    "statements_of",
]

_HOME = {
    "Accounts": "accounts",
    "Agreement": "agreement",
    "AmendableSplit": "chain",
    "Attribution": "schedule",
    "Bootstrap": "simulation",
    "Call": "chain",
    "Chain": "chain.chains",
    "Clearing": "clearing",
    "Comparison": "simulation",
    "ContractSource": "chain",
    "Enforcement": "_enforcement",
    "Entry": "ledger",
    "Governance": "_governance",
    "Growth": "simulation",
    "Invoice": "clearing",
    "Ledger": "ledger",
    "MerkleTree": "merkle",
    "Payee": "agreement",
    "PayoutBook": "chain",
    "PayoutTree": "payouts",
    "Period": "ledger",
    "PeriodStatement": "report",
    "Proposal": "chain",
    "PublishedSource": "chain",
    "Receipt": "chain",
    "Reconciliation": "settlement",
    "RevenueSplit": "chain",
    "RevenueSplitFactory": "chain",
    "Sale": "ledger",
    "SaleEscrow": "chain",
    "SaleMapping": "ledger.imports",
    "SaleProof": "report",
    "SalesTable": "analytics",
    "Schedule": "schedule",
    "SettlementPlan": "settlement",
    "SettlementResult": "settlement",
    "Settler": "settlement",
    "Simulation": "simulation",
    "Tier": "agreement",
    "Token": "money",
    "Totals": "ledger",
    "chains": "chain.chains",
    "check_successor": "payouts",
    "clear": "clearing",
    "guess_mapping": "ledger.imports",
    "publish_source": "chain",
    "reconcile": "settlement",
    "settle": "settlement",
    "simulate": "simulation",
    "source_at": "chain",
    "statement_of": "report",
    "statements_of": "report",
}
"""The module of each public name; those not listed are errors."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object
    if name == "__version__":
        from importlib.metadata import version

        value = version("revshare")
    else:
        value = getattr(import_module(f".{_HOME.get(name, 'errors')}", __name__), name)
    globals()[name] = value  # asked for once
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
