"""SaleEscrow: every sale ends, nobody's but those meant to end it do, and no money is ever stuck."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.contract.test_permit import LATE, permit, submit
from tests.contract.world import COIN, Refusal, Split, World, shares

pytestmark = pytest.mark.xdist_group("trust")

NONE, HELD, DISPUTED, DONE = range(4)
CONFIRMED, EXPIRED, REFUNDED, DECIDED, DEFAULTED = range(5)
WAYS = [
    "Takes",
    "Refuses",
    "TakesNothing",
    "TakesPart",
    "TakesElsewhere",
    "BurnsGas",
    "BombOnRevert",
    "Acts",
    "Hungry",
]
DAY = 86_400
TEN_YEARS = 3_650 * DAY


@dataclass
class Escrow:
    """The contract, and all it has ever held, to be checked against its books."""

    world: World
    contract: Any
    touched: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    sales: dict[tuple[str, bytes], str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return str(self.contract.address)

    @property
    def functions(self) -> Any:
        return self.contract.functions

    def now(self) -> int:
        """When the next transaction will be."""
        return int(self.world.tester.get_block_by_number("pending")["timestamp"])

    def wait_until(self, time: int) -> None:
        """Let the next transaction be at `time`; what is only asked is asked as of a second before."""
        self.world.tester.time_travel(time)

    def terms(self, split: str, **other: Any) -> tuple[Any, ...]:
        """Terms of a good sale, with what is given instead."""
        w, now = self.world, self.now()
        terms = {
            "split": split,
            "saleId": w.salt(),
            "token": COIN,
            "amount": 1_000_000,
            "seller": w.accounts[0],
            "arbiter": w.accounts[1],
            "deadline": now + 7 * DAY,
            "decisionDeadline": now + 14 * DAY,
            "refundByDefault": True,
        } | other
        return tuple(terms.values())

    def opening(self, terms: tuple[Any, ...]) -> Any:
        return self.functions.open(terms)

    def open(self, split: str, *, buyer: Any = None, **other: Any) -> Sale:
        """Open a good sale of the owner's, or of a payee contract's."""
        terms = self.terms(split, **other)
        token, amount = terms[2], terms[3]
        value = amount if token == COIN else 0
        who = buyer.address if buyer is not None else self.world.owner
        if token != COIN:
            contract = self.world.at("Token", token)
            self.world.send(contract.functions.mint(who, 2 * amount))
            approve = contract.functions.approve(self.address, 2 * amount)
            if buyer is None:
                self.world.send(approve)
            else:
                data = contract.encode_abi("approve", [self.address, 2 * amount])
                self.world.send(buyer.functions.run(token, 0, data))
        if buyer is None:
            receipt = self.world.send(self.opening(terms), value=value)
        else:
            data = self.contract.encode_abi("open", [terms])
            receipt = self.world.send(buyer.functions.run(self.address, value, data), value=value)
        self.touched[token] |= {who, split}
        self.sales[split, terms[1]] = token
        return Sale(self, terms, who, receipt)

    def check(self) -> None:
        """The balance of each token covers what is held and set aside in it."""
        held: dict[str, int] = defaultdict(int)
        for (split, sale_id), token in self.sales.items():
            sale = self.functions.sale(split, sale_id).call()
            if sale[4] in (HELD, DISPUTED):
                held[token] += sale[8]
        for token, whose in self.touched.items():
            owed = held[token] + sum(self.functions.credit(payee, token).call() for payee in whose)
            assert self.world.balance(token, self.address) >= owed, token


@dataclass
class Sale:
    """A sale that was opened."""

    escrow: Escrow
    terms: tuple[Any, ...]
    buyer: str
    receipt: Any

    @property
    def key(self) -> tuple[str, bytes]:
        return self.terms[0], self.terms[1]

    @property
    def state(self) -> int:
        return int(self.escrow.functions.sale(*self.key).call()[4])

    @property
    def deadline(self) -> int:
        return int(self.terms[6])

    @property
    def decision_deadline(self) -> int:
        return int(self.terms[7])

    def call(self, name: str, *more: Any) -> Any:
        return self.escrow.functions[name](*self.key, *more)

    def sender(self, name: str) -> str:
        world = self.escrow.world
        parties: dict[str, str] = {
            "confirm": self.buyer,
            "dispute": self.buyer,
            "refund": self.terms[4],
            "decide": self.terms[5],
        }
        return parties.get(name, world.stranger)

    def do(self, name: str, *more: Any, gas: int = 5_000_000) -> list[tuple[str, dict[str, Any]]]:
        """Have whoever may do something do it; return the escrow's events."""
        world = self.escrow.world
        receipt = world.send(self.call(name, *more), sender=self.sender(name), gas=gas)
        self.escrow.check()
        return world.logs(self.escrow.contract, receipt)

    def refusal(self, name: str, *more: Any, sender: str | None = None) -> Refusal:
        return self.escrow.world.refusal(self.call(name, *more), sender=sender or self.sender(name))

    def settled(self, ending: int, to_split: int, to_buyer: int) -> tuple[str, dict[str, Any]]:
        split, sale_id = self.key
        return "Settled", {
            "split": split,
            "saleId": sale_id,
            "ending": ending,
            "amountToSplit": to_split,
            "amountToBuyer": to_buyer,
        }

    def paid_plainly(self, amount: int) -> tuple[str, dict[str, Any]]:
        return "PaidPlainly", {"split": self.terms[0], "saleId": self.terms[1], "amount": amount}


@pytest.fixture
def escrow(world: World) -> Iterator[Escrow]:
    world._errors |= world._selectors("SaleEscrow")
    made = Escrow(world, world.deploy("SaleEscrow"))
    yield made
    made.check()


@pytest.fixture
def split(world: World) -> Split:
    return world.split([world.fresh(), world.fresh()], shares(3, 1))


def credited(payee: str, token: str, amount: int) -> tuple[str, dict[str, Any]]:
    return "Credited", {"payee": payee, "token": token, "amount": amount}


def odd(world: World, way: str, *, refuses_coin: bool = False, number: int = 0) -> Any:
    made = world.deploy("OddSplit")
    world.send(made.functions.become(WAYS.index(way), refuses_coin, number))
    return made


# ------------------------------------------------------------------------------------------ opening


@pytest.mark.parametrize("kind", ["coin", "token"])
def test_opening_holds_the_money_and_says_on_which_terms(
    world: World, escrow: Escrow, split: Split, kind: str
) -> None:
    token = COIN if kind == "coin" else world.token().address
    sale = escrow.open(split.address, token=token, refundByDefault=False)
    (opened,) = world.logs(escrow.contract, sale.receipt)
    names = ["split", "saleId", "token", "amount", "seller", "arbiter", "deadline", "decisionDeadline"]
    stated = dict(zip(names, sale.terms[:-1], strict=True)) | {"refundByDefault": False, "buyer": world.owner}
    assert opened == ("Opened", stated)
    stored = escrow.functions.sale(*sale.key).call()
    assert stored == (
        world.owner,
        sale.deadline,
        sale.decision_deadline,
        False,
        HELD,
        token,
        sale.terms[4],
        sale.terms[5],
        1_000_000,
    )
    assert world.balance(token, escrow.address) == 1_000_000
    assert split.statement(token)[0] == 0


def bad_terms(world: World, escrow: Escrow, now: int) -> dict[str, tuple[dict[str, Any], Refusal]]:
    a, last, token = str.lower, now + TEN_YEARS, world.token().address
    return {
        "no split": ({"split": COIN}, Refusal("InvalidParty", (COIN,))),
        "escrow": ({"split": escrow.address}, Refusal("InvalidParty", (a(escrow.address),))),
        "token": ({"split": token, "token": token}, Refusal("InvalidParty", (a(token),))),
        "no seller": ({"seller": COIN}, Refusal("InvalidParty", (COIN,))),
        "buyer sells": ({"seller": world.owner}, Refusal("InvalidParty", (a(world.owner),))),
        "buyer judges": ({"arbiter": world.owner}, Refusal("InvalidParty", (a(world.owner),))),
        "seller judges": (
            {"arbiter": world.accounts[0]},
            Refusal("InvalidParty", (a(world.accounts[0]),)),
        ),
        "deadline now": ({"deadline": now}, Refusal("InvalidTime", (now, now, last))),
        "deadline late": (
            {"deadline": last + 1, "decisionDeadline": last + 2},
            Refusal("InvalidTime", (last + 1, now, last)),
        ),
        "decision with the deadline": (
            {"decisionDeadline": now + 7 * DAY},
            Refusal("InvalidTime", (now + 7 * DAY, now + 7 * DAY, last)),
        ),
        "decision late": (
            {"decisionDeadline": last + 1},
            Refusal("InvalidTime", (last + 1, now + 7 * DAY, last)),
        ),
        "time beyond 40 bits": (
            {"decisionDeadline": 2**40 + now + 8 * DAY},
            Refusal("InvalidTime", (2**40 + now + 8 * DAY, now + 7 * DAY, last)),
        ),
        "no time to decide": (
            {"decisionDeadline": 0},
            Refusal("ArbiterAndTime", (a(world.accounts[1]), 0)),
        ),
        "nobody to decide": (
            {"arbiter": COIN},
            Refusal("ArbiterAndTime", (COIN, now + 14 * DAY)),
        ),
        "nothing": ({"amount": 0}, Refusal("NothingPaid")),
        "other amount": ({"amount": 999_999}, Refusal("ValueMismatch", (1_000_000, 999_999))),
        "coin with a token": ({"token": token}, Refusal("ValueMismatch", (1_000_000, 0))),
    }


CASES = [
    "no split",
    "escrow",
    "token",
    "no seller",
    "buyer sells",
    "buyer judges",
    "seller judges",
    "deadline now",
    "deadline late",
    "decision with the deadline",
    "decision late",
    "time beyond 40 bits",
    "no time to decide",
    "nobody to decide",
    "nothing",
    "other amount",
    "coin with a token",
]


@pytest.mark.parametrize("case", CASES)
def test_bad_terms_are_refused(world: World, escrow: Escrow, split: Split, case: str) -> None:
    now = escrow.now()
    bad = bad_terms(world, escrow, now)
    assert list(bad) == CASES
    changed, refused = bad[case]
    good: dict[str, Any] = {
        "split": split.address,
        "deadline": now + 7 * DAY,
        "decisionDeadline": now + 14 * DAY,
    }
    terms = escrow.terms(**(good | changed))
    value = 0 if case == "token" else 1_000_000
    assert world.refusal(escrow.opening(terms), value=value) == refused


def test_the_longest_times_are_accepted(world: World, escrow: Escrow, split: Split) -> None:
    last = escrow.now() + TEN_YEARS
    sale = escrow.open(split.address, deadline=last - 1, decisionDeadline=last)
    assert sale.state == HELD


def test_more_than_a_split_counts_is_refused(world: World, escrow: Escrow, split: Split) -> None:
    most = 2**127 - 1
    escrow.open(split.address, amount=most)
    terms = escrow.terms(split.address, amount=most + 1)
    assert world.refusal(escrow.opening(terms), value=most + 1) == Refusal("AmountTooLarge", (most + 1,))


def test_a_sale_without_an_allowance_is_refused(world: World, escrow: Escrow, split: Split) -> None:
    token = world.token()
    terms = escrow.terms(split.address, token=token.address)
    assert world.refusal(escrow.opening(terms)) == Refusal(
        "PaymentRefused", (token.address.lower(), world.owner.lower(), 1_000_000)
    )


def test_a_fee_lowers_what_is_held(world: World, escrow: Escrow, split: Split) -> None:
    token = world.token(quirk="Fee", number=100)
    sale = escrow.open(split.address, token=token.address)
    assert world.logs(escrow.contract, sale.receipt)[0][1]["amount"] == 990_000
    assert escrow.functions.sale(*sale.key).call()[8] == 990_000
    sale.do("confirm")
    assert split.statement(token.address)[0] == 980_100
    assert world.balance(token.address, escrow.address) == 0


def test_a_pair_of_split_and_id_is_used_once_for_ever(world: World, escrow: Escrow, split: Split) -> None:
    sale = escrow.open(split.address)
    again = escrow.opening(escrow.terms(split.address, saleId=sale.terms[1]))
    refused = Refusal("AlreadyOpened", (split.address.lower(), sale.terms[1]))
    assert world.refusal(again, value=1_000_000, sender=world.stranger) == refused
    sale.do("refund")
    assert world.refusal(again, value=1_000_000) == refused
    other = world.split([world.fresh()], shares(1))
    escrow.open(other.address, saleId=sale.terms[1])


def test_coin_by_plain_transfer_is_refused(world: World, escrow: Escrow) -> None:
    assert world.attempt({"to": escrow.address}, value=1)["status"] == 0


# ------------------------------------------------------------------------------------------ permits


def test_a_sale_is_opened_with_a_permit(world: World, escrow: Escrow, split: Split) -> None:
    token, buyer = world.token(), world.account()
    world.send(token.functions.mint(buyer.address, 1_000))
    signature = permit(world, token, buyer, escrow.address, 600)
    terms = escrow.terms(split.address, token=token.address, amount=600)
    function = escrow.functions.openWithPermit(terms, LATE, *signature)
    # It is the caller's own allowance that is used.
    assert world.refusal(function) == Refusal(
        "PaymentRefused", (token.address.lower(), world.owner.lower(), 600)
    )
    assert submit(world, buyer, function)["status"] == 1
    assert escrow.functions.sale(split.address, terms[1]).call()[0] == buyer.address
    assert world.balance(token.address, escrow.address) == 600


def test_a_permit_handed_in_by_somebody_else_before_is_as_good(
    world: World, escrow: Escrow, split: Split
) -> None:
    token, buyer = world.token(), world.account()
    world.send(token.functions.mint(buyer.address, 1_000))
    signature = permit(world, token, buyer, escrow.address, 600)
    world.send(token.functions.permit(buyer.address, escrow.address, 600, LATE, *signature))
    terms = escrow.terms(split.address, token=token.address, amount=600)
    receipt = submit(world, buyer, escrow.functions.openWithPermit(terms, LATE, *signature))
    assert receipt["status"] == 1


def test_coin_cannot_be_sent_with_a_permit(world: World, escrow: Escrow, split: Split) -> None:
    terms = escrow.terms(split.address)
    function = escrow.functions.openWithPermit(terms, LATE, 27, bytes(32), bytes(32))
    assert world.refusal(function) == Refusal("NotAToken", (COIN,))


# ------------------------------------------------------------------------------------------ the ways it ends


@pytest.mark.parametrize("kind", ["coin", "token"])
@pytest.mark.parametrize("disputed", [False, True])
def test_confirmed_the_split_is_paid_with_the_same_sale_id(
    world: World, escrow: Escrow, split: Split, kind: str, disputed: bool
) -> None:
    token = COIN if kind == "coin" else world.token().address
    sale = escrow.open(split.address, token=token)
    if disputed:
        assert sale.do("dispute") == [("Disputed", {"split": split.address, "saleId": sale.terms[1]})]
    receipt = world.send(sale.call("confirm"))
    assert world.logs(escrow.contract, receipt) == [sale.settled(CONFIRMED, 1_000_000, 0)]
    paid = {"payer": escrow.address, "saleId": sale.terms[1], "token": token, "amount": 1_000_000}
    assert world.logs(split.contract, receipt) == [("SalePaid", paid)]
    assert split.functions.isSalePaid(escrow.address, sale.terms[1]).call()
    assert split.statement(token)[0] == 1_000_000
    assert world.balance(token, escrow.address) == 0
    assert sale.state == DONE
    if kind == "token":
        allowance = world.at("Token", token).functions.allowance(escrow.address, split.address).call()
        assert allowance == 0


@pytest.mark.parametrize("kind", ["coin", "token"])
@pytest.mark.parametrize("disputed", [False, True])
def test_refunded_by_the_seller_the_buyer_has_it_back(
    world: World, escrow: Escrow, split: Split, kind: str, disputed: bool
) -> None:
    token = COIN if kind == "coin" else world.token().address
    buyer = world.payee()
    sale = escrow.open(split.address, token=token, buyer=buyer)
    had = world.balance(token, buyer.address)
    if disputed:
        data = escrow.contract.encode_abi("dispute", list(sale.key))
        world.send(buyer.functions.run(escrow.address, 0, data))
    assert sale.do("refund") == [sale.settled(REFUNDED, 0, 1_000_000)]
    assert world.balance(token, buyer.address) == had + 1_000_000
    assert sale.state == DONE


def test_released_by_anyone_from_the_deadline_on(world: World, escrow: Escrow, split: Split) -> None:
    sale = escrow.open(split.address)
    escrow.wait_until(sale.deadline)
    assert sale.refusal("release") == Refusal("TooEarly", (sale.deadline,))
    assert sale.do("release") == [sale.settled(EXPIRED, 1_000_000, 0)]
    assert split.functions.isSalePaid(escrow.address, sale.terms[1]).call()


def test_disputed_until_the_deadline_only(world: World, escrow: Escrow, split: Split) -> None:
    early, late = escrow.open(split.address), escrow.open(split.address)
    escrow.wait_until(early.deadline - 1)
    early.do("dispute")
    escrow.wait_until(late.deadline + 1)
    assert late.refusal("dispute") == Refusal("TooLate", (late.deadline,))
    # What is disputed is not released, whenever.
    assert early.refusal("release") == Refusal("WrongState", (DISPUTED,))


def test_without_an_arbiter_there_is_no_dispute(world: World, escrow: Escrow, split: Split) -> None:
    sale = escrow.open(split.address, arbiter=COIN, decisionDeadline=0)
    assert sale.refusal("dispute") == Refusal("NoArbiter")
    escrow.wait_until(sale.deadline)
    sale.do("release")


@pytest.mark.parametrize("to_buyer", [0, 1, 300_000, 999_999, 1_000_000])
@pytest.mark.parametrize("kind", ["coin", "token"])
def test_decided_by_the_arbiter_each_gets_its_part(
    world: World, escrow: Escrow, split: Split, kind: str, to_buyer: int
) -> None:
    contract = None if kind == "coin" else world.token(quirk="RevertsOnZero")
    token = COIN if contract is None else contract.address
    buyer = world.payee()
    sale = escrow.open(split.address, token=token, buyer=buyer)
    data = escrow.contract.encode_abi("dispute", list(sale.key))
    world.send(buyer.functions.run(escrow.address, 0, data))
    had = world.balance(token, buyer.address)
    assert sale.refusal("decide", 1_000_001) == Refusal("MoreThanHeld", (1_000_001, 1_000_000))
    assert sale.do("decide", to_buyer) == [sale.settled(DECIDED, 1_000_000 - to_buyer, to_buyer)]
    assert world.balance(token, buyer.address) == had + to_buyer
    assert split.statement(token)[0] == 1_000_000 - to_buyer
    assert split.functions.isSalePaid(escrow.address, sale.terms[1]).call() == (to_buyer < 1_000_000)
    if contract is not None:
        assert contract.functions.zeroTransfers().call() == 0


@pytest.mark.parametrize("refund", [False, True])
def test_an_arbiter_who_is_gone_leaves_it_to_the_terms(
    world: World, escrow: Escrow, split: Split, refund: bool
) -> None:
    sale = escrow.open(split.address, refundByDefault=refund)
    sale.do("dispute")
    escrow.wait_until(sale.decision_deadline)
    assert sale.refusal("settleByDefault") == Refusal("TooEarly", (sale.decision_deadline,))
    amounts = (0, 1_000_000) if refund else (1_000_000, 0)
    assert sale.do("settleByDefault") == [sale.settled(DEFAULTED, *amounts)]
    assert split.statement()[0] == amounts[0]


def test_the_arbiter_may_decide_before_its_deadline_only(world: World, escrow: Escrow, split: Split) -> None:
    sale, other = escrow.open(split.address), escrow.open(split.address)
    for each in (sale, other):
        each.do("dispute")
    escrow.wait_until(sale.decision_deadline - 1)
    sale.do("decide", 5)
    escrow.wait_until(other.decision_deadline + 1)
    assert other.refusal("decide", 5) == Refusal("TooLate", (other.decision_deadline,))


@pytest.mark.parametrize("name", ["confirm", "refund"])
def test_agreement_is_possible_even_when_all_deadlines_have_passed(
    world: World, escrow: Escrow, split: Split, name: str
) -> None:
    sale = escrow.open(split.address)
    sale.do("dispute")
    escrow.wait_until(sale.decision_deadline + 1)
    sale.do(name)
    assert sale.state == DONE


# ------------------------------------------------------------------------------------------ who, and when

ACTS: dict[str, tuple[tuple[Any, ...], set[int]]] = {
    "confirm": ((), {HELD, DISPUTED}),
    "refund": ((), {HELD, DISPUTED}),
    "release": ((), {HELD}),
    "dispute": ((), {HELD}),
    "decide": ((1,), {DISPUTED}),
    "settleByDefault": ((), {DISPUTED}),
}


@pytest.mark.parametrize("name", ["confirm", "dispute", "refund", "decide"])
def test_only_the_party_it_belongs_to_may(world: World, escrow: Escrow, split: Split, name: str) -> None:
    sale = escrow.open(split.address)
    if name == "decide":
        sale.do("dispute")
    expected = sale.sender(name)
    for other in {world.owner, world.stranger, *world.accounts} - {expected}:
        refused = sale.refusal(name, *ACTS[name][0], sender=other)
        assert refused == Refusal("Unauthorised", (other.lower(), expected.lower()))


@pytest.mark.parametrize("state", range(4))
@pytest.mark.parametrize("name", ACTS)
def test_nothing_happens_in_a_state_it_is_not_for(
    world: World, escrow: Escrow, split: Split, name: str, state: int
) -> None:
    sale = escrow.open(split.address)
    if state == NONE:
        sale.terms = (sale.terms[0], world.salt(), *sale.terms[2:])
    if state == DISPUTED:
        sale.do("dispute")
    if state == DONE:
        sale.do("refund")
    arguments, allowed = ACTS[name]
    if name in ("release", "settleByDefault"):
        escrow.wait_until(sale.decision_deadline + 1)
    if state in allowed:
        sale.do(name, *arguments)
    else:
        assert sale.refusal(name, *arguments) == Refusal("WrongState", (state,))


def test_the_step_that_pays_in_is_the_contracts_own(world: World, escrow: Escrow, split: Split) -> None:
    escrow.open(split.address)
    call = escrow.functions.payIn(split.address, bytes(32), COIN, 1)
    assert world.refusal(call) == Refusal("Unauthorised", (world.owner.lower(), escrow.address.lower()))


def test_many_sales_fit_one_transaction(world: World, escrow: Escrow, split: Split) -> None:
    sales = [escrow.open(split.address) for _ in range(3)]
    escrow.wait_until(sales[-1].deadline)
    calls = [escrow.contract.encode_abi("release", list(sale.key)) for sale in sales]
    world.send(world.deploy("Batch").functions.run(escrow.address, calls))
    assert split.statement()[0] == 3_000_000


# ------------------------------------------------------------------------------------------ odd splits


@pytest.mark.parametrize("kind", ["coin", "token"])
def test_a_split_that_does_not_exist_yet_is_paid_plainly(world: World, escrow: Escrow, kind: str) -> None:
    """Whose address is known, by its terms: what waits there is revenue once it is created."""
    token = COIN if kind == "coin" else world.token().address
    twin = world.split([world.fresh()], shares(1))
    salt = world.salt()
    address = world.factory.functions.predict(twin.terms.packed, salt).call()
    sale = escrow.open(address, token=token)
    assert sale.do("confirm") == [sale.settled(CONFIRMED, 1_000_000, 0), sale.paid_plainly(1_000_000)]
    assert world.create(twin.terms, salt).statement(token)[0] == 1_000_000


@pytest.mark.parametrize("way", ["Refuses", "BurnsGas", "BombOnRevert"])
@pytest.mark.parametrize("kind", ["coin", "token"])
def test_a_split_that_refuses_is_paid_plainly(world: World, escrow: Escrow, kind: str, way: str) -> None:
    token = COIN if kind == "coin" else world.token().address
    target = odd(world, way)
    sale = escrow.open(target.address, token=token)
    assert sale.do("confirm") == [sale.settled(CONFIRMED, 1_000_000, 0), sale.paid_plainly(1_000_000)]
    assert world.balance(token, target.address) == 1_000_000


@pytest.mark.parametrize("way", ["TakesNothing", "TakesPart", "TakesElsewhere"])
def test_a_split_that_does_not_take_exactly_the_money_is_paid_plainly(
    world: World, escrow: Escrow, way: str
) -> None:
    """And keeps no allowance by which it could take what others have paid in."""
    token = world.token()
    target = odd(world, way)
    world.send(target.functions.plan(target.address, b""))
    world.send(target.functions.become(WAYS.index(way), False, 0))
    others = escrow.open(world.fresh(), token=token.address)
    sale = escrow.open(target.address, token=token.address)
    events = sale.do("confirm")
    assert events == [sale.settled(CONFIRMED, 1_000_000, 0), sale.paid_plainly(1_000_000)]
    assert world.balance(token.address, target.address) == 1_000_000
    assert token.functions.allowance(escrow.address, target.address).call() == 0
    theft = target.functions.take(token.address, escrow.address, 1)
    assert world.refusal(theft).name == ""
    assert world.balance(token.address, escrow.address) == 1_000_000
    others.do("refund")


def test_a_split_that_takes_nothing_at_all_has_a_credit(world: World, escrow: Escrow) -> None:
    target = odd(world, "Refuses", refuses_coin=True)
    sale = escrow.open(target.address)
    assert sale.do("confirm") == [
        sale.settled(CONFIRMED, 1_000_000, 0),
        credited(target.address, COIN, 1_000_000),
    ]
    assert escrow.functions.credit(target.address, COIN).call() == 1_000_000
    withdraw = escrow.functions.withdrawCredit(target.address, COIN)
    assert world.refusal(withdraw) == Refusal("PaymentFailed", (COIN, target.address.lower(), 1_000_000))
    world.send(target.functions.become(WAYS.index("Takes"), False, 0))
    world.send(withdraw, sender=world.stranger)
    assert world.balance(COIN, target.address) == 1_000_000
    assert world.refusal(withdraw) == Refusal("NothingDue", (target.address.lower(), COIN))


@pytest.mark.parametrize("kind", ["coin", "token"])
def test_a_refusal_cannot_be_forged_by_sending_too_little_gas(
    world: World, escrow: Escrow, kind: str
) -> None:
    """With any gas: the sale arrives with its id, or nothing happens."""
    token = COIN if kind == "coin" else world.token().address
    target = odd(world, "Hungry", number=200_000)
    outcomes = set()
    for gas in [*range(60_000, 900_000, 40_000), 1_000_000]:
        sale = escrow.open(target.address, token=token)
        receipt = world.attempt(sale.call("confirm"), gas=gas)
        outcomes.add(receipt["status"])
        if receipt["status"]:
            assert [name for name, _ in world.logs(escrow.contract, receipt)] == ["Settled"]
        else:
            assert sale.state == HELD
    assert outcomes == {0, 1}
    assert world.refusal(sale.call("refund"), sender=sale.terms[4]).name == "WrongState"


def test_too_little_gas_to_judge_a_refusal_is_said_so(world: World, escrow: Escrow) -> None:
    target = odd(world, "Refuses")
    sale = escrow.open(target.address)
    assert world.refusal(sale.call("confirm"), gas=400_000) == Refusal("NotEnoughGas")
    sale.do("confirm", gas=1_000_000)


@pytest.mark.parametrize("name", [*ACTS, "open", "openWithPermit", "withdrawCredit", "redirectCredit"])
def test_a_split_that_reenters_gains_nothing(world: World, escrow: Escrow, name: str) -> None:
    target = odd(world, "Acts")
    sale = escrow.open(target.address)
    world.send(target.functions.plan(escrow.address, reentry(escrow, sale, name)))
    assert sale.do("confirm") == [sale.settled(CONFIRMED, 1_000_000, 0)]
    assert int.from_bytes(target.functions.outcome().call(), "big") == world.selector("Reentered")
    assert world.balance(COIN, target.address) == 1_000_000


# ------------------------------------------------------------------------------------------ odd buyers


def reentry(escrow: Escrow, sale: Sale, name: str) -> Any:
    """Calldata of a call that might move money once more."""
    arguments: dict[str, list[Any]] = {
        "decide": [*sale.key, 1],
        "open": [escrow.terms(sale.terms[0])],
        "openWithPermit": [escrow.terms(sale.terms[0]), LATE, 27, bytes(32), bytes(32)],
        "withdrawCredit": [sale.buyer, COIN],
        "redirectCredit": [escrow.world.fresh(), COIN],
    }
    return escrow.contract.encode_abi(name, arguments.get(name, list(sale.key)))


@pytest.mark.parametrize("temper", ["Reverts", "BurnsGas", "BombOnRevert"])
def test_a_buyer_that_cannot_be_refunded_has_a_credit(
    world: World, escrow: Escrow, split: Split, temper: str
) -> None:
    buyer, haven = world.payee(), world.fresh()
    sale = escrow.open(split.address, buyer=buyer)
    other = escrow.open(split.address, buyer=buyer)
    world.become(buyer, temper)
    for each in (sale, other):
        assert each.do("refund") == [
            each.settled(REFUNDED, 0, 1_000_000),
            credited(buyer.address, COIN, 1_000_000),
        ]
    assert escrow.functions.credit(buyer.address, COIN).call() == 2_000_000
    withdraw = escrow.functions.withdrawCredit(buyer.address, COIN)
    if temper == "Reverts":
        refused = Refusal("PaymentFailed", (COIN, buyer.address.lower(), 2_000_000))
        assert world.refusal(withdraw) == refused
    redirect = escrow.functions.redirectCredit(haven, COIN)
    assert world.refusal(redirect, sender=world.stranger) == Refusal(
        "NothingDue", (world.stranger.lower(), COIN)
    )
    for nowhere in (COIN, escrow.address):
        data = escrow.contract.encode_abi("redirectCredit", [nowhere, COIN])
        refused = world.refusal(buyer.functions.run(escrow.address, 0, data))
        assert refused == Refusal("InvalidRecipient", (nowhere.lower(),))
    data = escrow.contract.encode_abi("redirectCredit", [haven, COIN])
    receipt = world.send(buyer.functions.run(escrow.address, 0, data))
    withdrawn = {"payee": buyer.address, "token": COIN, "to": haven, "amount": 2_000_000}
    assert world.logs(escrow.contract, receipt) == [("CreditWithdrawn", withdrawn)]
    assert world.balance(COIN, haven) == 2_000_000
    assert escrow.functions.credit(buyer.address, COIN).call() == 0


@pytest.mark.parametrize("temper", ["Reverts", "BurnsGas", "BombOnRevert", "BombOnSuccess"])
def test_a_hostile_buyer_does_not_stop_a_decision(
    world: World, escrow: Escrow, split: Split, temper: str
) -> None:
    buyer = world.payee()
    sale = escrow.open(split.address, buyer=buyer)
    data = escrow.contract.encode_abi("dispute", list(sale.key))
    world.send(buyer.functions.run(escrow.address, 0, data))
    world.become(buyer, temper)
    sale.do("decide", 400_000)
    assert split.statement()[0] == 600_000
    assert split.functions.isSalePaid(escrow.address, sale.terms[1]).call()
    credit = escrow.functions.credit(buyer.address, COIN).call()
    assert credit == (0 if temper == "BombOnSuccess" else 400_000)


@pytest.mark.parametrize("name", [*ACTS, "open", "openWithPermit", "withdrawCredit", "redirectCredit"])
def test_a_buyer_that_reenters_gains_nothing(world: World, escrow: Escrow, split: Split, name: str) -> None:
    buyer = world.payee()
    sale = escrow.open(split.address, buyer=buyer)
    world.plan(buyer, escrow.address, reentry(escrow, sale, name))
    sale.do("refund")
    assert world.outcome(buyer) == Refusal("Reentered")
    assert world.balance(COIN, buyer.address) == 1_000_000


def test_a_refund_cannot_be_turned_into_a_credit_by_sending_too_little_gas(
    world: World, escrow: Escrow, split: Split
) -> None:
    buyer = world.payee()
    for gas in range(50_000, 200_000, 10_000):
        world.become(buyer, "Honest")
        sale = escrow.open(split.address, buyer=buyer)
        world.become(buyer, "Hungry", 40_000)
        receipt = world.attempt(sale.call("refund"), sender=sale.terms[4], gas=gas)
        assert receipt["status"] == 0 or world.logs(escrow.contract, receipt) == [
            sale.settled(REFUNDED, 0, 1_000_000)
        ]


# ------------------------------------------------------------------------------------------ odd tokens


@pytest.mark.parametrize("quirk", ["ReturnsFalse", "ReturnsTwo", "Blacklist", "RevertsWithBomb", "Keeps"])
def test_a_token_that_refuses_leaves_a_credit(world: World, escrow: Escrow, split: Split, quirk: str) -> None:
    token, buyer = world.token(), world.payee()
    sale = escrow.open(split.address, token=token.address, buyer=buyer)
    had = world.balance(token.address, buyer.address)
    world.behave(token, quirk)
    assert sale.do("refund")[1:] == [credited(buyer.address, token.address, 1_000_000)]
    withdraw = escrow.functions.withdrawCredit(buyer.address, token.address)
    refused = Refusal("PaymentFailed", (token.address.lower(), buyer.address.lower(), 1_000_000))
    assert world.refusal(withdraw) == refused
    world.behave(token, "None")
    world.send(withdraw)
    assert world.balance(token.address, buyer.address) == had + 1_000_000


def test_a_split_the_token_refuses_does_not_stop_the_buyers_part(
    world: World, escrow: Escrow, split: Split
) -> None:
    token, buyer = world.token(), world.payee()
    sale = escrow.open(split.address, token=token.address, buyer=buyer)
    data = escrow.contract.encode_abi("dispute", list(sale.key))
    world.send(buyer.functions.run(escrow.address, 0, data))
    had = world.balance(token.address, buyer.address)
    world.behave(token, "Blacklist", split.address)
    assert sale.do("decide", 1)[1:] == [credited(split.address, token.address, 999_999)]
    assert world.balance(token.address, buyer.address) == had + 1
    world.behave(token, "None")
    world.send(escrow.functions.withdrawCredit(split.address, token.address))
    assert split.statement(token.address)[0] == 999_999


def test_a_token_that_answers_nothing_works(world: World, escrow: Escrow, split: Split) -> None:
    token = world.token(quirk="NoReturn")
    sale = escrow.open(split.address, token=token.address)
    assert sale.do("confirm") == [sale.settled(CONFIRMED, 1_000_000, 0)]
    assert split.statement(token.address)[0] == 1_000_000


def test_a_token_that_charges_the_sender_on_top_is_paid_plainly(
    world: World, escrow: Escrow, split: Split
) -> None:
    """And is short for the last, as the contract says; the coin is untouched by it."""
    token = world.token()
    sale = escrow.open(split.address, token=token.address)
    world.send(token.functions.mint(escrow.address, 10_000))  # somebody makes good beforehand
    coins = escrow.open(split.address)
    world.behave(token, "FeeOnTop", number=100)
    assert sale.do("confirm") == [sale.settled(CONFIRMED, 1_000_000, 0), sale.paid_plainly(1_000_000)]
    coins.do("confirm")


# ------------------------------------------------------------------------------------------ at random


@pytest.mark.parametrize("seed", range(2))
def test_books_and_events_agree_whatever_happens(  # noqa: C901 - a walk of many kinds of step
    world: World, escrow: Escrow, seed: int
) -> None:
    """A random walk over many sales: the balance always covers them, and in the end all money has arrived."""
    rng = random.Random(seed)
    tokens = [COIN, world.token().address, world.token(quirk="Fee", number=37).address]
    fine = world.split([world.fresh()], shares(1)).address
    splits = [fine, odd(world, "Refuses").address, odd(world, "Refuses", refuses_coin=True).address]
    buyers = [world.payee(temper) for temper in ("Honest", "Reverts")]
    sales: list[Sale] = []
    replayed: dict[tuple[str, bytes], list[int]] = {}
    start = world.w3.eth.block_number
    for step in range(40):
        if rng.random() < 0.4 or not sales:
            buyer = rng.choice(buyers)
            sales.append(
                escrow.open(
                    rng.choice(splits),
                    buyer=buyer,
                    token=rng.choice(tokens),
                    amount=rng.randint(100, 10**9),
                    deadline=escrow.now() + rng.randint(10, 60),
                    decisionDeadline=escrow.now() + rng.randint(61, 120),
                    refundByDefault=rng.random() < 0.5,
                )
            )
            continue
        sale, name = rng.choice(sales), rng.choice(list(ACTS))
        arguments = (rng.randint(0, 200),) if name == "decide" else ()
        if name in ("confirm", "dispute"):
            buyer = next(b for b in buyers if b.address == sale.buyer)
            data = escrow.contract.encode_abi(name, list(sale.key))
            world.attempt(buyer.functions.run(escrow.address, 0, data), gas=5_000_000)
        else:
            world.attempt(sale.call(name, *arguments), sender=sale.sender(name), gas=5_000_000)
        if rng.random() < 0.2:
            escrow.wait_until(escrow.now() + rng.randint(1, 20))
        if step % 8 == 7:
            escrow.check()
    escrow.wait_until(escrow.now() + 200)
    for sale in sales:
        if sale.state in (HELD, DISPUTED):
            world.send(sale.call("release" if sale.state == HELD else "settleByDefault"), gas=5_000_000)
        assert sale.state == DONE
    for buyer in buyers:
        world.become(buyer, "Honest")
    for address in splits[1:]:
        world.send(world.at("OddSplit", address).functions.become(0, False, 0))
    credits_: dict[tuple[str, str], int] = defaultdict(int)
    for number in range(start + 1, world.w3.eth.block_number + 1):
        for log in world.w3.eth.get_logs(
            {"address": escrow.contract.address, "fromBlock": number, "toBlock": number}
        ):
            ((name, args),) = world.logs(escrow.contract, {"logs": [log]})
            if name == "Opened":
                replayed[args["split"], args["saleId"]] = [args["amount"], HELD]
            elif name == "Disputed":
                replayed[args["split"], args["saleId"]][1] = DISPUTED
            elif name == "Settled":
                amount, state = replayed[args["split"], args["saleId"]]
                assert state in (HELD, DISPUTED)
                assert args["amountToSplit"] + args["amountToBuyer"] == amount
                replayed[args["split"], args["saleId"]][1] = DONE
            elif name == "Credited":
                credits_[args["payee"], args["token"]] += args["amount"]
    assert len(replayed) == len(sales)
    assert all(state == DONE for _, state in replayed.values())
    for (payee, token), amount in credits_.items():
        assert escrow.functions.credit(payee, token).call() == amount
        world.send(escrow.functions.withdrawCredit(payee, token))
    for token in tokens:
        assert world.balance(token, escrow.address) == 0
