"""The error tree: one root, context as attributes, and fit to cross from a worker process."""

from __future__ import annotations

import inspect
import pickle
from dataclasses import replace
from datetime import UTC, datetime

import pytest

import revshare as rs
from revshare import errors

_SALE = rs.Sale("shop", "1", datetime(2011, 3, 1, tzinfo=UTC), 5, "GBPT")

SAMPLES: list[rs.RevShareError] = [
    rs.RevShareError("x"),
    rs.InvalidInput("x"),
    rs.AmountError("x", value="1e3"),
    rs.AmountTypeError("x", value=1.5),
    rs.AgreementError([rs.Problem("tiers[0]", "is wrong", "mend it")], "a.toml"),
    rs.CircularSplits(["0xa", "0xb", "0xa"]),
    rs.NegativeRevenue(3, -5),
    rs.UnknownPayee("desginer", ["designer"]),
    rs.Unreachable("designer", 5, 3),
    rs.ChainError("x"),
    rs.ContractError("AlreadyPaid", {"saleId": b"1"}, "RevenueSplit", data=b"\1", hint="h"),
    rs.TransactionFailed("x", tx_hash="0x1", receipt={"status": 0}),
    rs.InsufficientFunds("x", account="0x1", needed=2, available=1),
    rs.InsufficientAllowance("x", account="0x1", needed=2, available=1),
    rs.NotDeployed("x", address="0x1"),
    rs.WrongChain("x", expected=1, actual=2),
    rs.TermsMismatch("x", address="0x1", expected=b"1", actual=b"2"),
    rs.SignerError("x", signer="alias/payer"),
    rs.ProofRefused("x", reason="sale"),
    rs.ReorgDetected("x", block=1, expected=b"1", actual=b"2"),
    rs.ProviderError("x", method="eth_call", code=-32000),
    rs.CompileError("x", output="y"),
    rs.CompilerNotFound("x", looked=["PATH"]),
    rs.ArtifactsDiffer(["RevenueSplit.json: bytecode"]),
    rs.MissingExtra("cli", "typer"),
    rs.AmountsFell("x", [("0x1", 2, 1)]),
    rs.LedgerError("x", ledger="sales.db"),
    rs.MappingError([rs.Problem("columns.amount", "is missing", "add it")], "shop.toml"),
    rs.ImportRefused([rs.BadCell(3, "Quantity", "1,234", "needs a locale")], "march.csv", 7),
    rs.ConflictError(_SALE, replace(_SALE, amount=6), seq=1, ledger="sales.db"),
    rs.LedgerBusy("x"),
    rs.LedgerReadOnly("x"),
    rs.LedgerFull("x"),
    rs.LedgerDamaged("x"),
    rs.LedgerTooNew("0009", "0002"),
    rs.StaleNode("x", expected=9, actual=8),
    rs.FeesTooHigh(9, 8),
    rs.SettlementError("x", agreement="A", period="2011-03"),
    rs.SettlementConflict({"amount": 5}, {"amount": 6}, agreement="A", period="2011-03"),
    rs.SettlementTimeout("x"),
    rs.StuckTransaction("x", tx_hash="0x1", agreement="A", period="2011-03"),
    rs.LeaseLost("A", "2011-03"),
    rs.NeedsPayoutBook([rs.Problem("rules[0]", "(cap): the contract counts revenue", "use a book")]),
    rs.AliasedToken("x", address="0x1", chain_id=137, coin="POL"),
    rs.UnsupportedChain(["MCOPY"], chain_id=4242),
    rs.ExplorerError("x", explorer="explorer.example", reached=False, ticket="t"),
    rs.SourceRefused("x", explorer="explorer.example", address="0x1", reason="other code"),
]


def test_there_is_a_sample_of_every_error() -> None:
    classes = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)}
    assert {type(sample) for sample in SAMPLES} == classes
    assert all(issubclass(kind, rs.RevShareError) for kind in classes)
    assert {kind.__name__ for kind in classes} <= set(rs.__all__)
    assert all(kind.__name__ in (errors.__doc__ or "") for kind in classes), "the tree is drawn whole"


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling_with_its_context(error: rs.RevShareError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_messages() -> None:
    assert str(rs.MissingExtra("cli", "typer")).endswith('pip install "revshare[cli]"')
    assert str(SAMPLES[10]) == "RevenueSplit refused: AlreadyPaid(saleId=0x31); h"
    assert "the payees are a, b" in str(rs.UnknownPayee("zzz", ["a", "b"]))
    assert "no payee named 5" in str(rs.UnknownPayee(5, ["a"]))
    assert "…" in str(rs.UnknownPayee("zzz", [f"payee{n}" for n in range(9)]))


def test_an_agreement_error_lists_every_problem_and_does_not_flood() -> None:
    problems = [rs.Problem(f"tiers[{n}]", "is wrong", "") for n in range(60)]
    one = rs.AgreementError(problems[:1], "a.toml")
    assert str(one) == "a.toml: tiers[0]: is wrong"
    many = rs.AgreementError(problems)
    assert len(many.problems) == 60
    assert str(many).startswith("agreement: 60 problems\n  tiers[0]: is wrong\n")
    assert str(many).endswith("… and 10 more")


def test_kinds_that_callers_expect() -> None:
    assert issubclass(rs.InvalidInput, ValueError)
    assert issubclass(rs.AmountTypeError, TypeError)
    assert issubclass(rs.MissingExtra, ImportError)
    assert issubclass(rs.CompilerNotFound, rs.CompileError)
    assert issubclass(rs.NeedsPayoutBook, rs.AgreementError)
