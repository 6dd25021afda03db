"""On a chain whose coin is a token as well (coin_token.py): each sale has its own money, whichever name it
came by."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.coin_token import Machine
from tests.contract.escrow.sales import Escrow
from tests.contract.world import COIN, Refusal, World, shares

pytestmark = pytest.mark.xdist_group("trust")


@pytest.fixture(scope="module")
def celo(compiled: dict[str, Any]) -> World:
    return World(compiled, Machine)


@pytest.fixture(scope="module")
def token(celo: World) -> Any:
    """The coin's other address."""
    return celo.deploy("CoinToken")


def test_sales_by_both_names_are_covered_together(celo: World, token: Any) -> None:
    celo._errors |= celo._selectors("SaleEscrow")
    escrow = Escrow(celo, celo.deploy("SaleEscrow"))
    split = celo.split([celo.fresh()], shares(1))
    buyer = celo.payee()
    sales = []
    for amount in (1_000, 2_000):
        sales.append(escrow.open(split.address, amount=amount, buyer=buyer))
        celo.coin(buyer.address, amount)
        approve = token.encode_abi("approve", [escrow.address, amount])
        celo.send(buyer.functions.run(token.address, 0, approve))
        terms = escrow.terms(split.address, token=token.address, amount=amount)
        opening = escrow.contract.encode_abi("open", [terms])
        receipt = celo.send(buyer.functions.run(escrow.address, 0, opening))
        sales.append(escrow.opened(terms, buyer.address, receipt))
    assert celo.balance(COIN, escrow.address) == 6_000
    celo.become(buyer, "Reverts")
    first_coin, first_token, coin, token_ = sales
    first_coin.do("refund")  # the buyer takes no coin by calls
    first_token.do("refund")  # but as a token it comes without
    assert celo.balance(COIN, buyer.address) == 1_000
    assert escrow.functions.credit(buyer.address, COIN).call() == 1_000
    assert celo.refusal(escrow.functions.withdrawCredit(buyer.address, token.address)) == Refusal(
        "NothingDue", (buyer.address.lower(), token.address.lower())
    )
    celo.become(buyer, "Honest")
    for sale in (coin, token_):
        sale.of_buyer(buyer, "confirm")
        assert split.functions.isSalePaid(escrow.address, sale.record).call()
    assert celo.balance(COIN, split.address) == 4_000
    celo.send(escrow.functions.withdrawCredit(buyer.address, COIN))
    assert celo.balance(COIN, escrow.address) == 0
