"""Two addresses for one balance: a chain's coin that is also a token is refused as a token, everywhere.

The chain is anvil under Celo's number, with a token where Celo shows its coin as one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.chain.conftest import local_accounts
from tests.nodes import ANVIL, anvil
from web3 import HTTPProvider, Web3

import revshare as rs
from revshare._commands_close import _Book
from revshare.chain import COIN, AmendableSplit, DemoToken, Erc20, PayoutBook, SaleEscrow, Terms
from revshare.chain.chains import refuse_alias
from revshare.chain.nesting import nested_in
from revshare.chain.node import Node

GOLD = "0x471EcE3750Da237f93B8E339c536989b8978a438"
SELLER = "0x" + "33" * 20

pytestmark = pytest.mark.skipif(not ANVIL.is_file(), reason="anvil is not there: `npm ci`")


class Celo:
    """A chain that says it is Celo; `payer` pays for everything, `ann` and `bob` are paid."""

    def __init__(self, url: str) -> None:
        self.w3 = Web3(HTTPProvider(url))
        self.payer, self.ann, self.bob = local_accounts()[:3]
        made = DemoToken.deploy(self.w3, "CELO", 18, account=self.payer)
        # Code alone: the token's own books stand in for the coin's, which no code of ours can move.
        code = self.w3.eth.get_code(Web3.to_checksum_address(made.address))
        self.w3.provider.make_request("anvil_setCode", [GOLD, "0x" + code.hex()])  # type: ignore[arg-type]
        self.gold = Erc20(self.w3, GOLD, account=self.payer)
        self.coin_split = rs.RevenueSplit.deploy(self.w3, self.deal(), account=self.payer)
        self.book = PayoutBook.deploy(self.w3, account=self.payer)
        self.escrow = SaleEscrow.deploy(self.w3, account=self.payer)

    def deal(self, symbol: str = "CELO", address: str | None = None, **more: Any) -> rs.Agreement:
        token = {"symbol": symbol, "decimals": 18} | ({"address": address} if address else {})
        payees = {"ann": self.ann.address, "bob": self.bob.address}
        shares = {"ann": 1, "bob": 1}
        return rs.Agreement.model_validate(
            {"name": "A song", "token": token, "payees": payees, "tiers": [{"shares": shares}]} | more
        )

    def terms(self) -> Terms:
        """Terms in the coin's own token, as somebody without this library could agree on."""
        return Terms(self.deal("CELO", GOLD).schedule(), GOLD)


@pytest.fixture(scope="module")
def celo() -> Iterator[Celo]:
    with anvil("--chain-id", "42220") as url:
        yield Celo(url)


def in_alias(celo: Celo) -> dict[str, Callable[[], Any]]:
    """Everything that takes a token."""
    w3, split, book, escrow = celo.w3, celo.coin_split, celo.book, celo.escrow
    ann = str(celo.ann.address)
    tree = rs.PayoutTree({ann: 5}, chain_id=42220, book=book.address, token=GOLD)
    soon = w3.eth.get_block("latest")["timestamp"] + 1_000
    sale: dict[str, Any] = {"sale_id": "a", "seller": SELLER, "deadline": soon}
    factory = rs.RevenueSplitFactory.at(w3)
    return {
        "deploy": lambda: rs.RevenueSplit.deploy(w3, celo.deal(), token=GOLD, account=celo.payer),
        "deploy what says so": lambda: rs.RevenueSplit.deploy(w3, celo.deal("CELO", GOLD)),
        "deploy terms": lambda: rs.RevenueSplit.deploy(w3, celo.terms()),
        "deploy, lower case": lambda: rs.RevenueSplit.deploy(w3, celo.deal(), token=GOLD.lower()),
        "predict": lambda: rs.RevenueSplit.predict_address(w3, celo.deal(), token=GOLD),
        "at": lambda: rs.RevenueSplit.at(w3, split.address, agreement=celo.deal(), token=GOLD),
        "pay": lambda: split.pay(5, sale_id="a", token=GOLD),
        "pay, by a Token": lambda: split.pay("5", sale_id="a", token=celo.gold.token),
        "remit": lambda: split.remit(5, batch_id="a", root=bytes(32), count=1, token=GOLD),
        "distribute": lambda: split.distribute(token=GOLD),
        "distribute all": lambda: factory.distribute_all([(split, GOLD)]),
        "claim": lambda: split.claim("ann", token=GOLD),
        "claim many": lambda: split.claim_many(["ann"], tokens=[GOLD]),
        "claim many, by pairs": lambda: split.claim_many([("ann", GOLD)]),
        "withdraw credits": lambda: split.withdraw_credits(["ann"], token=GOLD),
        "withdraw all credits": lambda: split.withdraw_credits(token=GOLD),
        "redirect part of a credit": lambda: split.redirect_credit(SELLER, 5, token=GOLD),
        "withdraw credit": lambda: split.withdraw_credit("ann", token=GOLD),
        "redirect credit": lambda: split.redirect_credit(SELLER, token=GOLD),
        "received": lambda: split.received(token=GOLD),
        "statement": lambda: split.statement(token=GOLD),
        "book: tree": lambda: book.tree({ann: 5}, token=GOLD),
        "book: close": lambda: _Book(book.address, 42220).tree({ann: 5}, token=GOLD),
        "book: publish": lambda: book.publish(tree),
        "book: shortfall": lambda: book.shortfall(tree),
        "book: claim": lambda: book.claim(tree, ann),
        "book: claim to": lambda: book.claim_to(tree, ann, SELLER),
        "book: claim many": lambda: book.claim_many(tree, [ann]),
        "book: due": lambda: book.due(tree, ann),
        "book: withdraw": lambda: book.withdraw(token=GOLD),
        "book: activate": lambda: book.activate(token=GOLD),
        "book: surplus": lambda: book.surplus(token=GOLD),
        "book: withdraw surplus": lambda: book.withdraw_surplus(5, SELLER, token=GOLD),
        "book: promised": lambda: book.promised(token=GOLD),
        "book: announced": lambda: book.announced(token=GOLD),
        "book: paid": lambda: book.paid(ann, token=GOLD),
        "escrow: open": lambda: escrow.open(split, 5, token=GOLD, **sale),
        "escrow: credit": lambda: escrow.credit(ann, token=GOLD),
        "escrow: withdraw credit": lambda: escrow.withdraw_credit(ann, token=GOLD),
        "escrow: redirect credit": lambda: escrow.redirect_credit(SELLER, token=GOLD),
    }


def refused(does: Callable[[], Any]) -> rs.AliasedToken | None:
    try:
        does()
    except rs.AliasedToken as error:
        return error
    return None


def test_the_coins_own_token_is_refused_everywhere(celo: Celo) -> None:
    before = celo.w3.eth.block_number
    for what, does in in_alias(celo).items():
        error = refused(does)
        assert error is not None, f"{what} takes it"
        assert (error.address, error.chain_id, error.coin, error.of) == (GOLD, 42220, "CELO", None), what
        assert "the coin of Celo (chain 42220)" in str(error), what
        assert "leave the token out, and count in the coin: CELO with 18 decimals" in str(error), what
    assert celo.w3.eth.block_number == before


def test_the_coin_itself_is_taken_by_the_name_it_has_there(celo: Celo) -> None:
    split = celo.coin_split
    assert (split.terms.token, split.token.symbol) == (COIN, "CELO")
    split.pay("0.5", sale_id="first").send()
    split.distribute().send()
    assert split.statement().token.symbol == "CELO"
    assert celo.book.tree({str(celo.ann.address): 5}).token == COIN
    # Amounts in an agreement that counts in ether would be meant otherwise.
    with pytest.raises(rs.InvalidInput, match='symbol = "CELO", decimals = 18 on Celo'):
        rs.RevenueSplit.deploy(celo.w3, celo.deal("ETH"), account=celo.payer)
    meant = rs.RevenueSplit.deploy(celo.w3, celo.deal("ETH"), token=COIN, account=celo.payer, salt=1)
    assert meant.terms.token == COIN


def test_a_split_that_others_made_in_it_can_be_found_and_not_used(celo: Celo) -> None:
    factory = rs.RevenueSplitFactory.at(celo.w3, account=celo.payer)
    terms = celo.terms()
    factory.create(terms, "theirs").send()
    address = factory.predict(terms, "theirs")
    theirs = rs.RevenueSplit.at(celo.w3, address)
    for does in (theirs.received, theirs.distribute, lambda: theirs.pay(5, sale_id="a")):
        assert refused(does)
    soon = celo.w3.eth.get_block("latest")["timestamp"] + 1_000
    with pytest.raises(rs.AliasedToken):
        celo.escrow.open(theirs, 5, sale_id="a", seller=SELLER, deadline=soon)
    # As a payee it is followed, so that no circle hides behind it.
    assert [found.address for found in nested_in(Node(celo.w3), [address])] == [address]


def test_nobody_holds_up_an_amendment_by_paying_in_it(celo: Celo) -> None:
    old = celo.deal(governance={"quorum": "100%"})
    split = rs.RevenueSplit.deploy(celo.w3, old, account=celo.payer)
    assert isinstance(split, AmendableSplit)
    DemoToken(celo.w3, GOLD, account=celo.payer).mint(celo.payer.address, 10).send()
    celo.gold.approve(split.address, 10).send()
    paid_in = split._interface.encode("pay", bytes(32), GOLD, 10)
    split._call("pay", paid_in).send()  # as somebody would without this library
    assert split.tokens_seen() == (GOLD,)

    new = old.model_copy(update={"tiers": (rs.Tier(shares={"ann": 1, "bob": 2}),)})
    proposal = split.propose(new, deadline=timedelta(days=1)).sign(celo.ann).sign(celo.bob)
    call = split.amend(proposal)
    assert bytes.fromhex(GOLD[2:]) not in call.calldata
    call.send()
    assert split.refresh().epoch() == 1


# ------------------------------------------------------------------------------------------ the table


@pytest.mark.parametrize(
    ("chain_id", "alias"),
    [
        (137, "0x0000000000000000000000000000000000001010"),
        (324, "0x000000000000000000000000000000000000800A"),
        (1088, "0xDeadDeAddeAddEAddeadDEaDDEAdDeaDDeAD0000"),
        (10, "0xDeadDeAddeAddEAddeadDEaDDEAdDeaDDeAD0000"),
        (5000, "0xDeadDeAddeAddEAddeadDEaDDEAdDeaDDeAD0000"),
        (1284, "0x0000000000000000000000000000000000000802"),
        (1285, "0x0000000000000000000000000000000000000802"),
        (5042, "0x3600000000000000000000000000000000000000"),
    ],
)
def test_coins_that_are_tokens(chain_id: int, alias: str) -> None:
    with pytest.raises(rs.AliasedToken) as refused:
        refuse_alias(chain_id, alias.lower())
    assert refused.value.coin == rs.Chain.of(chain_id).coin.symbol
    refuse_alias(1, alias)  # on another chain it is somebody else's address
    refuse_alias(4242, alias)


def test_a_token_with_two_addresses_is_taken_by_one_of_them() -> None:
    first, second = "0x0000000000085d4780B73119b644AE5ecd22b376", "0x8dd5fbCe2F6a956C3022bA3663759011Dd51e73E"
    refuse_alias(1, first)
    with pytest.raises(rs.AliasedToken, match=f"use that address: {first}") as refused:
        refuse_alias(1, second)
    assert refused.value.of == first
