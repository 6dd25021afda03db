"""Every way of a token that we know or could think of, against everything that can be done with it (odd/).

Each cell says what came of it: paid exactly once, paid in part, credited, owed, left as it was, or refused by
name. In each cell, whatever came of it, nobody has more than it is entitled to, a second try pays nobody
twice, nothing else was touched, and once the token is honest again everybody has what is theirs, but for what
the token itself took.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from tests import markdown
from tests.conftest import ROOT
from tests.contract.odd.battery import COLUMNS, GROUPS, Cell
from tests.contract.odd.rows import ROWS, Row
from tests.contract.odd.scene import DONE, HONEST, OWED, SALE, Manner, Scene, part, place
from tests.contract.odd.side import GAS, Call, Side
from tests.contract.odd.stage import Stage
from tests.contract.world import COIN, MOODS, Refusal, shares

pytestmark = pytest.mark.xdist_group("odd")

PAGE = ROOT / "docs" / "odd-tokens.md"


@pytest.fixture(scope="module")
def stage(compiled: dict[str, Any]) -> Stage:
    return Stage(compiled)


# -------------------------------------------------------------------------------- the battery


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_every_operation_comes_out_as_it_is_promised(stage: Stage, row: Row) -> None:
    """In the split that settles in the token as well, where that is not the same."""
    found = stage.row(row)
    expected = row.verdicts() | {f"settles {name}": verdict for name, verdict in row.settled().items()}
    assert {name: found[name] for name in expected if found[name] != expected[name]} == {}


def test_there_are_as_many_behaviours_as_were_asked_for() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS) > 24
    assert len(COLUMNS) == len({name for group in GROUPS.values() for name in group}) > 20


@pytest.mark.parametrize(
    "name", ["honest", "takes a fee from what arrives", "blocks some", "needs 300,000 gas"]
)
def test_a_block_does_what_is_tried_beside_it(stage: Stage, name: str) -> None:
    """What the battery finds on the side (odd/side.py) is what mined transactions do."""
    (row,) = (row for row in ROWS if row.name == name)
    world, scene = stage.world, stage.scene(row.scene)
    before = world.tester.take_snapshot()
    stage.begin(row)
    ready = world.tester.take_snapshot()
    for column in COLUMNS:
        cell = Cell(scene, row.manner, column)
        call = cell.operation()
        beside = cell.side.send(call)
        receipt = world.attempt({"to": call.to, "data": "0x" + call.data.hex()}, value=call.value, gas=GAS)
        mined = Cell(scene, row.manner, column)
        assert receipt["status"] == beside.done, column
        assert len(receipt["logs"]) == len(beside.logs), column
        assert mined.look(beside=True) == cell.look(beside=True), column
        world.tester.revert_to_snapshot(ready)
    world.tester.revert_to_snapshot(before)


# -------------------------------------------------------------------------------- answers and movements

ANSWERS = ["Yes", "Nothing", "HugeYes", "No", "Two", "TheAmount", "OneByte", "HugeNo", "Reverts"]
MOVES = ["All", "None", "Half", "More", "LessByOne"]
# What a mixture comes to, by the table in lib/Delivery.sol: to one of many, and all or nothing.
CLEAN = {"All": "paid", "None": "less", "Half": "less", "More": "more", "LessByOne": "less"}
JUDGED = {
    "All": ("paid", "paid"),
    "None": ("", "PaymentFailed"),
    "Half": ("", "PaymentFailed"),
    "More": ("", "PaymentFailed"),
    "LessByOne": ("", "PaymentFailed"),
}
NOTHING = {"distribute": "credited", "refund": "credited", "book claims": "left"}


@pytest.mark.parametrize(
    "column", ["distribute", "refund", "book claims", "claim", "withdraw", "escrow withdraw"]
)
def test_what_a_token_answers_and_what_it_does_decide_together(stage: Stage, column: str) -> None:
    scene = stage.scene("main")
    for answer, moves in product(ANSWERS, MOVES):
        manner = Manner(answer, moves, number=10)
        if answer == "Reverts":
            expected = NOTHING.get(column, "PaymentFailed")
        elif answer in ("Yes", "Nothing", "HugeYes"):
            expected = CLEAN[moves]
        else:
            expected = JUDGED[moves][column not in NOTHING] or NOTHING[column]
        cell = Cell(scene, manner, column, known=stage.known)
        cell.side.must(scene.behave(manner))
        assert cell.run() == expected, (answer, moves)


# -------------------------------------------------------------------------------- one after the other


@pytest.fixture
def scene(stage: Stage) -> Scene:
    return stage.scene("main")


@pytest.fixture
def side(scene: Scene) -> Side:
    return Side(scene.world)


def test_a_token_that_blocks_and_pauses_and_is_upgraded_between_open_and_end(
    scene: Scene, side: Side
) -> None:
    """As the owner of a FiatToken can do, one after the other, while sales and shares wait."""
    x, u, sales, million = scene.at["X"], scene.at["U"], scene.sales, scene.million
    side.must(scene.call("ledger", "list", [u, scene.at["A"]]))
    side.must(scene.behave(Manner(blocks=True)))
    side.must(scene.call("E", "refund", x, u, sales["held"], by="V"))
    side.must(scene.call("X", "distribute", scene.terms["X"].packed, scene.token))
    assert scene.books(side, "E", scene.token)["credit U"] == 2 * million
    assert scene.books(side, "X", scene.token)["credit A"] == 2 * part("A", million)
    withdraw = scene.call("E", "withdrawCredit", u, scene.token)
    assert side.send(withdraw).refusal == Refusal(
        "PaymentFailed", (scene.token.lower(), u.lower(), 2 * million)
    )

    side.must(scene.behave(Manner("Reverts")))
    side.must(scene.call("E", "decide", x, u, sales["disputed"], million // 2, by="W"))
    books = scene.books(side, "E", scene.token)
    assert (books["credit U"], books["owed disputed"], books["state disputed"]) == (
        5 * million // 2,
        million // 2,
        OWED,
    )
    release = scene.call("E", "release", x, u, sales["disputed"])
    assert side.send(release).refusal == Refusal("NotTaken", (x.lower(), million // 2))

    side.must(scene.behave(Manner(moves="Fee", number=100)))  # nobody is blocked any more
    before = scene.units(side, "U", "X", "A")
    for call in (withdraw, release, scene.call("E", "release", x, u, sales["owed"])):
        side.must(call)
    side.must(scene.call("X", "withdrawCredit", scene.at["A"], scene.token))
    after = scene.units(side, "U", "X", "A")
    assert after["U"] - before["U"] == 5 * million // 2 * 99 // 100
    assert after["A"] - before["A"] == 2 * part("A", million) * 99 // 100
    assert after["X"] - before["X"] == 3 * million // 2 * 99 // 100 - 2 * part("A", million)
    for call in (withdraw, release):
        assert side.send(call).refusal is not None  # each of them once
    books = scene.books(side, "E", scene.token)
    assert [books[f"state {name}"] for name in ("held", "disputed", "owed")] == [DONE] * 3
    assert scene.units(side, "E")["E"] == books["credit U"] == 0


def test_a_token_that_moves_once_a_block_pays_everybody_in_as_many_blocks(scene: Scene, side: Side) -> None:
    """One in the distribution, and one with each withdrawal for all."""
    side.must(scene.behave(Manner("Reverts", when="TwiceABlock")))
    before = scene.units(side, "A", "B", "C")
    payees = [scene.at[who] for who in "ABC"]
    side.must(scene.call("X", "distribute", scene.terms["X"].packed, scene.token))
    paid = []
    for _ in range(4):
        outcome = side.must(scene.call("X", "withdrawCredits", payees, scene.token))
        paid.append(int.from_bytes(outcome.answer, "big"))
    assert paid == [1, 1, 1, 0]
    after = scene.units(side, "A", "B", "C")
    assert {who: after[who] - before[who] for who in after} == {
        who: 2 * part(who, scene.million) for who in "ABC"
    }


def test_nothing_is_ever_sent_to_oneself(scene: Scene, side: Side) -> None:
    """Where a token doubles that, a contract would find money that nobody paid in."""
    x, e, k, token = scene.at["X"], scene.at["E"], scene.at["K"], scene.token
    side.must(scene.behave(Manner(moves="Doubles", when="ToItself")))
    for call, to in (
        (scene.call("X", "redirectCredit", x, token, 1, by="A"), x),
        (scene.call("E", "redirectCredit", e, token, 1, by="U"), e),
        (scene.call("K", "withdrawSurplus", token, k, 1, by="O"), k),
        (scene.call("K", "claimTo", k, *scene.leaf_claim("A")[1:], token, by="A"), k),
    ):
        assert side.send(call).refusal == Refusal("InvalidRecipient", (to.lower(),))


def test_nobody_is_asked_to_move_nothing(stage: Stage, scene: Scene, side: Side) -> None:
    """Of one unit nobody has a whole one."""
    side.must(scene.call("ledger", "mint", scene.at["X"], 1))
    side.must(scene.call("X", "distribute", scene.terms["X"].packed, scene.token))
    side.must(scene.call("ledger", "mint", scene.at["X"], 1))
    side.must(scene.call("X", "distribute", scene.terms["X"].packed, scene.token))
    assert scene.account(side).zeros == 0


MANNERS = [
    HONEST,
    HONEST,
    Manner("Nothing"),
    Manner("No"),
    Manner("Two"),
    Manner("No", "Half"),
    Manner("No", "None"),
    Manner("Reverts"),
    Manner("Reverts", when="Listed"),
    Manner("No", "None", "Listed"),
    Manner("Reverts", when="TwiceABlock"),
    Manner("Reverts", when="Large", number=70_000),
    Manner(moves="Fee", number=100),
    Manner("No", "Fee", number=100),
    Manner(gas=300_000),
    Manner(tells="Reverts"),
    Manner(tells="Zero"),
    Manner(approves="NotAtAll"),
    Manner(calls=True),
]
"""Ways that do not say `true` to what is not so: by none of them has anybody more than its share."""


@pytest.mark.parametrize("seed", range(3))
def test_whatever_a_token_becomes_and_whenever_nobody_has_more_than_its_share(
    scene: Scene, side: Side, seed: int
) -> None:
    rng = random.Random(seed)
    payees = [scene.at[who] for who in "ABC"]
    at = ("X", "Y")[seed % 2]
    start = scene.units(side, "A", "B", "C", "haven")
    came = scene.units(side, at)[at]
    side.must(scene.call("ledger", "list", [scene.at["A"]]))
    pack, token = scene.terms[at].packed, scene.token

    def everybody() -> dict[str, int]:
        now = scene.units(side, "A", "B", "C", "haven")
        found = {who: now[who] - start[who] for who in now}
        found["B"] += found.pop("haven")
        return found

    for step in range(60):
        side.must(scene.behave(rng.choice(MANNERS)))
        number = step.to_bytes(32, "big")
        amount = rng.randint(1, 10**5)
        before = scene.units(side, at)[at]
        call = rng.choice(
            [
                scene.call(at, "pay", number, token, amount, by="P"),
                scene.call("ledger", "mint", scene.at[at], amount),
                scene.call(at, "distribute", pack, token),
                scene.call(at, "distribute", pack, token),
                *(scene.call(at, "claim", scene.at[who], scene.proof(at, who), token) for who in "ABC"),
                scene.call(at, "withdrawCredits", payees, token),
                scene.call(at, "withdrawCredit", scene.at[rng.choice("ABC")], token),
                scene.call(at, "redirectCredit", scene.at["haven"], token, rng.randint(1, 10**5), by="B"),
            ]
        )
        side.send(call)
        came += max(0, scene.units(side, at)[at] - before)
        most = {who: part(who, came) for who in "ABC"}
        got = everybody()
        assert all(got[who] <= most[who] for who in got), (step, got, most)
    side.must(scene.behave(HONEST))
    side.must(scene.call(at, "distribute", pack, token))
    side.must(scene.call(at, "withdrawCredits", payees, token))
    took = scene.account(side).since(scene.start).took
    short = sum(part(who, came) - units for who, units in everybody().items())
    assert 0 <= short <= took + 3
    assert scene.units(side, at)[at] <= 3


# -------------------------------------------------------------------------------- tokens of their own kind


@pytest.mark.parametrize(
    ("pool", "up"), [(1_234_567, False), (1_234_567, True), (987_654, False), (987_654, True)]
)
def test_shares_of_a_pool_lose_nobody_more_than_they_round(stage: Stage, pool: int, up: bool) -> None:
    """stETH and its kind, with their own sums: a share is so many millionths of a unit, rounded each time."""
    scene = stage.scene("main")
    world, side = stage.world, Side(stage.world)
    snapshot = world.tester.take_snapshot()
    token = world.deploy("PoolToken", pool, 10**6, up)
    payees = [world.fresh() for _ in range(3)]
    split = world.split(payees, shares(20, 30, 50), token.address)
    side = Side(world)
    most = -(-pool // 10**6)  # what one rounding is worth

    def do(function: Any, by: str = "") -> Any:
        data = bytes.fromhex(function._encode_transaction_data()[2:])
        call = Call(function.address, data)
        if by:
            run = scene.people[by].encode_abi("run", [function.address, 0, data])
            call = Call(scene.at[by], bytes.fromhex(run[2:]))
        return side.send(call)

    def holds(who: str) -> int:
        return int(side.ask(scene_call(token, "balanceOf", who), ("uint256",)))

    rng = random.Random(pool + up)
    escrow, x = scene.contracts["E"], split.address
    do(token.functions.mint(scene.at["U"], 10**9))
    do(token.functions.approve(escrow.address, 10**9), by="U")
    roundings = 0
    late = side.state.timestamp + 10_000
    for number in range(1, 13):
        key = number.to_bytes(32, "big")
        terms = (x, key, token.address, rng.randint(10, 10**6), scene.at["V"], COIN, late, 0, True)
        assert do(escrow.functions.open(terms), by="U").done
        assert do(escrow.functions.confirm(x, key), by="U").done
        state = side.ask(scene_call(escrow, "sale", x, scene.at["U"], key), SALE)[4]
        assert state == DONE, "a rounding is no reason to keep it"
        function = (
            split.distributing(token.address)
            if number % 2
            else split.claiming(payees[number % 3], token.address)
        )
        assert do(function).done
        roundings += 5
    assert do(split.functions.withdrawCredits(payees, token.address)).done
    assert do(split.distributing(token.address)).done
    paid_out = side.ask(scene_call(split.contract, "marks", token.address), ("uint256", "uint256", "bool"))[1]
    got = {payee: holds(payee) for payee in payees}
    received = sum(got.values())
    assert received <= paid_out + (roundings * most if up else 0)
    assert paid_out - received <= roundings * most
    assert holds(x) <= roundings * most
    assert holds(escrow.address) <= roundings * most
    world.tester.revert_to_snapshot(snapshot)


def scene_call(contract: Any, name: str, *args: Any) -> Call:
    return Call(str(contract.address), bytes.fromhex(contract.encode_abi(name, list(args))[2:]))


@pytest.fixture
def kept(stage: Stage) -> Iterator[Stage]:
    """For tests that have contracts of their own mined: what they leave is taken back."""
    stage.scene("main")
    snapshot = stage.world.tester.take_snapshot()
    yield stage
    stage.world.tester.revert_to_snapshot(snapshot)


@pytest.mark.filterwarnings("ignore:SELFDESTRUCT opcode present:DeprecationWarning")
def test_a_token_that_is_gone_with_the_transaction_that_made_it_leaves_nothing_to_take(kept: Stage) -> None:
    """EIP-6780: made, paid in, shared out and destroyed by one transaction; and all of it once more."""
    world = kept.world
    phoenix = world.deploy("Phoenix")
    token = phoenix.functions.token().call()
    mortal = world.at("Mortal", token)
    a, b = world.fresh(), world.fresh()
    split = world.split([a, b], shares(1, 3), token)
    split.fund(COIN, 400)
    mint = (token, mortal.encode_abi("mint", [split.address, 1_000]))
    distribute = (split.address, split.contract.encode_abi("distribute", [split.terms.packed, token]))
    units = (token, mortal.encode_abi("unitsOf", [[a, b]]))
    world.send(phoenix.functions.live([mint, distribute, units]))
    gone = Refusal("NotAToken", (token.lower(),))
    assert bytes(world.w3.eth.get_code(token)) == b""
    for function in (
        split.distributing(token),
        split.claiming(split.terms.payees[0], token),
        split.functions.withdrawCredit(a, token),
        split.functions.pay(world.record(), token, 1),
        split.functions.received(token),
    ):
        assert world.refusal(function) == gone
    assert split.distribute() == (400, 0)
    # It comes again, and nobody has anything of it; what was shared out before is not shared out again.
    world.send(phoenix.functions.live([mint, distribute]))
    again = (split.address, split.contract.encode_abi("marks", [token]))
    world.send(phoenix.functions.live([again]))
    books = int.from_bytes(world.w3.eth.get_storage_at(split.contract.address, place(token, 0)), "big")
    assert (books >> 128, books % 2**128 >> 1) == (2_000, 2_000)
    assert split.distribute() == (0, 0)


def test_a_thing_of_which_there_is_one_counts_as_a_unit_and_stays(kept: Stage) -> None:
    """ERC-721 has a balance and no `transfer`: what is paid in by mistake is set aside, and harms nobody."""
    world = kept.world
    thing, sole = world.deploy("OneOfAKind"), world.fresh()
    split = world.split([sole], shares(1))
    split.fund(COIN, 100)
    for number in (0, 77):
        world.send(thing.functions.mint(world.owner, number))
        world.send(thing.functions.approve(split.address, number))
    assert world.refusal(split.functions.pay(world.record(), thing.address, 0)) == Refusal("NothingPaid")
    world.send(split.functions.pay(world.record(), thing.address, 77))
    assert split.statement(thing.address)[0] == 1
    assert world.refusal(split.claiming(sole, thing.address)).name == "PaymentFailed"
    assert split.distribute(thing.address) == (0, 1)
    assert world.refusal(split.functions.withdrawCredit(sole, thing.address)).name == "PaymentFailed"
    assert split.distribute() == (100, 0)
    assert thing.functions.ownerOf(77).call() == split.address


def test_a_settlement_token_that_burns_the_gas_it_is_asked_with_holds_up_no_coin(kept: Stage) -> None:
    """Nor another token; to a dozen new payees, within what a transaction may have."""
    world = kept.world
    token, other = world.deploy("MannerToken"), world.token()
    payees = [world.fresh() for _ in range(12)]
    split = world.split(payees, shares(*[1] * 12), token.address)
    world.send(token.functions.behave(Manner(tells="BurnsGas").packed))
    split.fund(COIN, 1_200)
    split.fund(other, 1_200)
    for asset in (COIN, other.address):
        world.send(split.claiming(payees[0], asset), gas=GAS)
        world.send(split.distributing(asset), gas=GAS)
        assert world.balances(asset, payees) == [100] * 12


# -------------------------------------------------------------------------------- flows in meanwhile


@pytest.mark.parametrize("at", ["K", "X", "Y"])
def test_a_payment_is_not_hidden_behind_what_comes_in_meanwhile(kept: Stage, at: str) -> None:
    """A payee that is called has another split pay the one that is just paying it, as anybody may."""
    world, scene = kept.world, kept.scene("main")
    token, ledger, a = scene.token, scene.ledger, scene.people["A"]
    parent = world.split([scene.at[at], world.fresh()], shares(1, 1), token)
    due = part("A", scene.million)
    scene.make(scene.call("ledger", "mint", parent.address, 2 * due))  # half of it hides all that A is paid
    scene.make(scene.call("ledger", "hook", [a.address]))
    scene.make(scene.behave(Manner("No", calls=True)))
    back = parent.contract.encode_abi(
        "claim", [scene.at[at], parent.terms.proof(parent.index(scene.at[at])), token]
    )
    world.send(a.functions.plan(MOODS.index("Acts"), parent.address, False, back))
    had = scene.units(Side(world), "A")["A"]
    for _ in range(2):
        if at == "K":
            scene.make(scene.call("K", "claimMany", token, [scene.leaf_claim("A")]))
        else:
            scene.make(scene.call(at, "distribute", scene.terms[at].packed, token))
    if at != "K":
        world.attempt(
            {"to": scene.at[at], "data": "0x" + scene.call(at, "withdrawCredit", a.address, token).data.hex()}
        )
    got = scene.units(Side(world), "A")["A"] - had
    assert ledger.functions.account().call()[0] == 0
    # Of the book its leaf; of the split its share of all that came in.
    assert got <= (due if at == "K" else part("A", 2 * scene.million + due))


@pytest.mark.parametrize("name", ["pay", "remit", "open"])
def test_no_record_is_paid_by_what_comes_in_meanwhile(kept: Stage, name: str) -> None:
    """A payer without a unit, called before the token answers `false`, has another split pay this one."""
    world = kept.world
    token, payer = world.deploy("MannerToken"), world.payee()
    split = world.split([world.fresh()], shares(1), token.address)
    escrow = world.deploy("SaleEscrow")
    at = escrow.address if name == "open" else split.address
    upstream = world.split([at], shares(1), token.address)
    world.send(token.functions.mint(upstream.address, 1_000))
    world.send(token.functions.hook([payer.address]))
    world.send(token.functions.behave(Manner("No", "None", when="Listed", calls=True).packed))
    world.send(token.functions.list([payer.address]))
    approve = token.encode_abi("approve", [at, 1_000])
    world.send(payer.functions.run(token.address, 0, approve))
    pays = upstream.contract.encode_abi("distribute", [upstream.terms.packed, token.address])
    world.plan(payer, upstream.address, pays)
    later = int(world.w3.eth.get_block("latest")["timestamp"]) + 10_000
    arguments: dict[str, list[Any]] = {
        "pay": [world.record(), token.address, 1_000],
        "remit": [world.record(), token.address, 1_000, b"\1" * 32, 1],
        "open": [(split.address, world.record(), token.address, 1_000, world.owner, COIN, later, 0, False)],
    }
    contract = escrow if name == "open" else split.contract
    run = payer.functions.run(at, 0, contract.encode_abi(name, arguments[name]))
    assert world.refusal(run) == Refusal(
        "PaymentRefused", (token.address.lower(), payer.address.lower(), 1_000)
    )
    assert world.balance(token.address, upstream.address) == 1_000


# -------------------------------------------------------------------------------- the page


def test_the_page_shows_what_came_of_it(stage: Stage) -> None:
    """Every table is written by the run: REVSHARE_WRITE_DOCS=1."""
    for number, (title, columns) in enumerate(GROUPS.items()):
        rows = [f"| a token that … | {' | '.join(columns.values())} |", "|---" * (len(columns) + 1) + "|"]
        for row in ROWS:
            found = stage.row(row)
            rows.append(f"| {row.name} | {' | '.join(shown(found[name]) for name in columns)} |")
        markdown.generated(PAGE, title.replace(" ", "-"), "\n".join(rows) + "\n")
        assert number < len(GROUPS)
    listed = [
        "| a token that … | what, and which |",
        "|---|---|",
        *(f"| {row.name} | {row.does} |" for row in ROWS),
    ]
    markdown.generated(PAGE, "behaviours", "\n".join(listed) + "\n")


def shown(verdict: str) -> str:
    """A verdict as the page has it: errors as code."""
    return " / ".join(f"`{word}`" if word[0].isupper() else word for word in verdict.split("/"))


def test_what_differs_where_the_split_settles_in_the_token_is_on_the_page(stage: Stage) -> None:
    differs = {
        row.name
        for row in ROWS
        for name, verdict in stage.row(row).items()
        if name.startswith("settles ") and verdict != stage.row(row)[name.removeprefix("settles ")]
    }
    text = PAGE.read_text(encoding="utf-8").partition("## Where the split settles in the token")[2]
    assert differs == {row.name for row in ROWS if f"*{row.name}*" in text}
