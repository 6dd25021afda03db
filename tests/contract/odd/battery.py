"""Each thing that can be done with a token, what came of it, and what must be true whatever came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.contract.odd.scene import (
    DISPUTED,
    DONE,
    FEW,
    HELD,
    OWED,
    Account,
    Manner,
    Scene,
    part,
)
from tests.contract.odd.side import Call, Outcome, Side
from tests.contract.world import COIN, MOODS, Refusal

GROUPS: dict[str, dict[str, str]] = {
    "into a split": {
        "pay": "`pay`",
        "permit": "`payWithPermit`",
        "remit": "`remit`",
    },
    "out of a split": {
        "distribute": "`distribute`",
        "claim": "`claim`",
        "claims": "`claimMany`",
        "withdraw": "`withdrawCredit`",
        "withdraws": "`withdrawCredits`",
        "redirect": "`redirectCredit`",
        "amend": "`amend`",
    },
    "escrow": {
        "open": "`open`",
        "confirm": "`confirm`",
        "release": "`release`",
        "release owed": "`release`, owed",
        "refund": "`refund`",
        "refund owed": "`refund`, owed",
        "decide": "`decide`: buyer / split",
        "escrow withdraw": "`withdrawCredit`",
        "escrow redirect": "`redirectCredit`",
    },
    "payout book": {
        "publish": "`publish`",
        "book claim": "`claim`",
        "book claims": "`claimMany`",
        "surplus": "`withdrawSurplus`",
    },
    "the coin meanwhile": {
        "coin distribute": "`distribute`",
        "coin claim": "`claim`",
        "coin withdraw": "`withdrawCredit`",
    },
}
COLUMNS = [name for group in GROUPS.values() for name in group]

VERDICTS = {
    "P": "paid",
    "L": "less",
    "T": "dearer",
    "M": "more",
    "K": "part",
    "A": "credited",
    "O": "owed",
    "N": "left",
    "-": "–",
    "r": "PaymentRefused",
    "f": "PaymentFailed",
    "t": "NotAToken",
    "s": "BalanceShared",
    "u": "Underfunded",
    "w": "NotTaken",
    "n": "NothingDue",
    "e": "SurplusExceeded",
}
"""What can come of an operation, and the letters by which rows.py expects it."""
_LETTERS = {name: letter for letter, name in VERDICTS.items()}


def out(asked: int, booked: int, got: int, moved: int, aside: int, word: str = "credited") -> str:
    """What came of a payment: booked as paid, got by its recipients, gone from the payer, set aside."""
    if booked == 0:
        assert (got, moved) == (0, 0), "it moved, and the books do not know"
        assert aside in (0, asked)
        return word if aside else "left"
    if booked < asked:
        assert aside in (0, asked - booked)
        assert got <= booked
        return "part"
    assert booked == asked
    assert aside == 0
    if got != asked:
        return "more" if got > asked else "less"
    return "dearer" if moved > asked else "paid"


@dataclass
class State:
    """What is true at one moment: of the token, of one contract, of the assets beside."""

    units: dict[str, int]
    account: Account
    books: dict[str, int]
    coins: dict[str, int]
    beside: dict[str, dict[str, int]] = field(default_factory=dict)

    def less(self, before: State, *names: str) -> int:
        return sum(before.units[name] - self.units[name] for name in names)

    def fell(self, before: State, key: str) -> int:
        return before.books[key] - self.books[key]


class Cell:
    """One operation, with a token of one manner."""

    def __init__(
        self,
        scene: Scene,
        manner: Manner,
        name: str,
        *,
        settles: bool = False,
        mood: str = "",
        known: set[Any] | None = None,
    ) -> None:
        """settles: in the split that settles in the token. mood: of those whom the token calls. known:
        states from which all has ended well before.
        """
        self.known = set() if known is None else known
        self.scene, self.manner, self.name, self.mood = scene, manner, name, mood
        self.at = where(name, settles)
        self.side = Side(scene.world)
        self.asset = COIN if name.startswith("coin ") else scene.token

    # -- the operation

    def operation(self) -> Call:
        """The transaction."""
        s, at, million, token = self.scene, self.at, self.scene.million, self.asset
        own, x, u, sales = s.at[at], s.at["X"], s.at["U"], s.sales
        abc = [s.at[who] for who in "ABC"]
        number = (1).to_bytes(32, "big")
        simple: dict[str, Callable[[], Call]] = {
            "pay": lambda: s.call(at, "pay", number, token, million, by="P"),
            "permit": lambda: s.call(
                at, "payWithPermit", number, token, million, 2**63, 27, number, number, by="Q"
            ),
            "remit": lambda: s.call(at, "remit", number, token, million, number, 7, by="P"),
            "distribute": lambda: s.call(at, "distribute", s.terms[at].packed, token),
            "claim": lambda: s.call(at, "claim", abc[0], s.proof(at, "A"), token),
            "claims": lambda: s.call(
                at, "claimMany", [(s.at[who], s.proof(at, who), token) for who in "ABC"]
            ),
            "withdraw": lambda: s.call(at, "withdrawCredit", abc[0], token),
            "withdraws": lambda: s.call(at, "withdrawCredits", abc, token),
            "redirect": lambda: s.call(
                at, "redirectCredit", s.at["haven"], token, part("A", million), by="A"
            ),
            "amend": lambda: s.call(
                at, "amend", s.terms[at].packed, s.terms[at + "'"].packed, [token], [], 0
            ),
            "open": lambda: s.call(at, "open", self._new_sale(), by="P"),
            "confirm": lambda: s.call(at, "confirm", x, sales["held"], by="U"),
            "release": lambda: s.call(at, "release", x, u, sales["held"]),
            "release owed": lambda: s.call(at, "release", x, u, sales["owed"]),
            "refund": lambda: s.call(at, "refund", x, u, sales["held"], by="V"),
            "refund owed": lambda: s.call(at, "refund", x, u, sales["owed"], by="V"),
            "decide": lambda: s.call(at, "decide", x, u, sales["disputed"], 4 * million // 10, by="W"),
            "escrow withdraw": lambda: s.call(at, "withdrawCredit", u, token),
            "escrow redirect": lambda: s.call(
                at, "redirectCredit", s.at["haven"], token, part("A", million), by="U"
            ),
            "publish": lambda: s.call(at, "publish", million, s.tree(token, million).root, token, by="O"),
            "book claim": lambda: s.call(at, "claim", *s.leaf_claim("A"), token),
            "book claims": lambda: s.call(at, "claimMany", token, [s.leaf_claim(who) for who in "ABC"]),
            "surplus": lambda: s.call(at, "withdrawSurplus", token, s.at["haven"], million // 10, by="O"),
            "coin distribute": lambda: s.call(at, "distribute", s.terms[at].packed, COIN),
            "coin claim": lambda: s.call(at, "claim", abc[0], s.proof(at, "A"), COIN),
            "coin withdraw": lambda: s.call(at, "withdrawCredit", abc[0], COIN),
        }
        assert own
        return simple[self.name]()

    def _new_sale(self) -> tuple[Any, ...]:
        terms = list(self.scene.sale("new", self.scene.token, self.scene.million))
        terms[6:8] = [self.side.state.timestamp + 100, self.side.state.timestamp + 200]
        return tuple(terms)

    def asked(self, before: State) -> dict[str, int]:
        """What an operation is to pay, and whom: from the terms, and what the token says is there."""
        s, name, books = self.scene, self.name, before.books
        million = s.million
        if name in ("distribute", "claim", "claims", "amend", "coin distribute", "coin claim"):
            revenue = books["paidOut"] + self._told(before)
            due = {who: part(who, max(revenue, books["mark"])) - part(who, books["mark"]) for who in "ABC"}
            return {"A": due["A"]} if name in ("claim", "coin claim") else due
        if name in ("withdraw", "coin withdraw"):
            return {"A": min(books["credit A"], self._told(before))}
        fixed: dict[str, dict[str, int]] = {
            "withdraws": {who: books.get(f"credit {who}", 0) for who in "ABC"},
            "redirect": {"haven": part("A", million)},
            "confirm": {"X": million},
            "release": {"X": million},
            "release owed": {"X": million},
            "refund": {"U": million},
            "refund owed": {"U": million},
            "decide": {"U": 4 * million // 10, "X": million - 4 * million // 10},
            "escrow withdraw": {"U": million},
            "escrow redirect": {"haven": part("A", million)},
            "book claim": {"A": part("A", million)},
            "book claims": {who: part(who, million) for who in "ABC"},
            "surplus": {"haven": million // 10},
        }
        return fixed.get(name, {})

    def _told(self, before: State) -> int:
        """What is held, as the contract is told."""
        coins = self.side.coins(self.scene.at[self.at])
        return coins if self.asset == COIN else self.manner.told(before.units[self.at], coins)

    # -- looking

    def look(self, *, beside: bool = False) -> State:
        """What honest eyes see now."""
        s, side, at = self.scene, self.side, self.at
        people = ["A", "B", "C", "U", "P", "Q", "haven", at, *({"X"} - {at})]

        nothing = s.ledger is None and self.asset != COIN
        return State(
            units=s.units(side, *people),
            account=s.account(side),
            books=defaultdict(int) if nothing else s.books(side, at, self.asset),
            coins={name: side.coins(s.at[name]) for name in ("A", "B", "C", at)},
            beside=s.others(side, at) if beside else {},
        )

    # -- the verdict

    def run(self) -> str:
        """Do it, see what came of it, and see to it that all is well whatever came of it."""
        if self.mood and self.asset != COIN:
            self._set_mood()
        before = self.look(beside=True)
        self.asks = self.asked(before)
        self.before = before
        # What is told at an amendment counts for good: what was not there, is shared by the terms after it.
        hidden = (
            before.units[self.at]
            if self.name == "amend" and self._told(before) < before.units[self.at]
            else 0
        )
        self.lie = self.manner.number if self.manner.tells == "More" else hidden
        call = self.operation()
        outcome = self.side.send(call)
        if outcome.refusal is not None:
            return self._named(outcome.refusal)
        after = self.look()
        verdict = self._verdict(before, after, outcome)
        if self.mood == "acts" and self.asset != COIN:
            self._nothing_came_of_calling_back()
        self._nobody_over(after)
        self.side.send(call)
        again = self.look()
        self._nobody_over(again)
        self._aftermath()
        return verdict

    def _set_mood(self) -> None:
        """Have those whom the token calls refuse, or call back, to be paid as well."""
        s, at = self.scene, self.at
        for who in "AU" if self.mood == "refuses" else "AUP":
            if self.mood == "refuses":
                made = s.people[who].functions.become(MOODS.index("Reverts"), 0)
            else:
                back = {
                    "E": lambda: s.call("E", "withdrawCredit", s.at["U"], s.token),
                    "K": lambda: s.call("K", "claim", *s.leaf_claim("B"), s.token),
                }.get(at, lambda: s.call(at, "claim", s.at["B"], s.proof(at, "B"), s.token))()
                made = s.people[who].functions.plan(MOODS.index("Acts"), back.to, False, back.data)
            data = made._encode_transaction_data()
            self.side.must(Call(str(s.people[who].address), bytes.fromhex(data[2:])))

    def _nothing_came_of_calling_back(self) -> None:
        for who in "AUP":
            data = self.scene.people[who].encode_abi("outcome", [])
            found = self.side.ask(
                Call(str(self.scene.people[who].address), bytes.fromhex(data[2:])), ("uint256",)
            )
            assert found & 0xFFFF != 3, f"{who} has called back, and was heard"
            if found != 1:
                selector = (found >> 16).to_bytes(4, "big")
                assert self.scene.world.named(selector + bytes(64)).name == "Reentered"

    @staticmethod
    def _named(refusal: Refusal) -> str:
        assert refusal.name in _LETTERS, f"refused with {refusal}"
        return refusal.name

    def _verdict(self, before: State, after: State, outcome: Outcome) -> str:
        name, asked = self.name, sum(self.asks.values())
        if name in ("pay", "permit", "remit", "open"):
            return self._came_in(before, after, outcome)
        if name == "publish":
            assert after.books == before.books
            return "paid"
        moved = before.units[self.at] - after.units[self.at]
        got = -after.less(before, *self.asks)
        if name.startswith("coin "):
            moved = before.coins[self.at] - after.coins[self.at]
            got = sum(after.coins[who] - before.coins[who] for who in self.asks)
            assert after.units == before.units, "the token moved as well"
        if self.at == "E":
            return self._of_the_escrow(before, after, moved)
        if self.at == "K":
            booked = asked if name == "surplus" else -after.fell(before, "claimed")
            paid = sum(-after.fell(before, f"paid {who}") for who in "ABC")
            assert name == "surplus" or paid == booked
            return out(asked, booked, got, moved, 0)
        booked = -after.fell(before, "paidOut")
        aside = -sum(after.fell(before, f"credit {who}") for who in "ABC")
        if name == "amend" and self.scene.shared and self.at == "Z":
            assert (booked, aside) == (0, 0)  # it has left as the other asset, which is settled first
            return "left"
        if name in ("withdraw", "withdraws", "redirect", "coin withdraw"):
            assert -aside == booked, "a credit went, and nobody was paid"
            aside = 0
        if name in ("claim", "claims", "coin claim"):
            assert aside == 0
        if name == "claims" and int.from_bytes(outcome.answer, "big") == 3:
            asked = (
                booked  # what the token keeps of one claim, or takes with it, changes what the next is worth
            )
        return out(asked, booked, got, moved, aside)

    def _came_in(self, before: State, after: State, outcome: Outcome) -> str:
        grew = after.units[self.at] - before.units[self.at]
        if self.name == "open":
            said = after.books["amount new"]
            assert after.books["state new"] == HELD
        else:
            # SalePaid(payer, saleId, token, amount), Remitted(payer, batchId, token, amount, root, count)
            ((_, topics, data),) = [log for log in outcome.logs if len(log[1]) == 4 and log[2]][-1:]
            said = int.from_bytes(data[:32], "big")
            assert topics[3] == int(self.scene.token, 16)
        assert said <= grew, "more was recorded than came in"
        assert said == min(grew, self.scene.million)
        return "paid" if said == self.scene.million else "less"

    def _of_the_escrow(self, before: State, after: State, moved: int) -> str:
        s, name = self.scene, self.name
        sale = {"release owed": "owed", "refund owed": "owed", "decide": "disputed"}.get(name, "held")
        verdicts = []
        booked_in_all = 0
        for who, asked in self.asks.items():
            got = -after.less(before, who)
            if who == "X":
                aside = after.books[f"owed {sale}"]
                assert after.books[f"state {sale}"] == (OWED if aside else DONE)
                word = "owed"
            else:
                aside = -after.fell(before, "credit U")
                word = "credited"
                if name in ("escrow withdraw", "escrow redirect"):
                    assert -aside == asked
                    aside = 0
                else:
                    owed = after.books[f"owed {sale}"]
                    assert after.books[f"state {sale}"] == (OWED if owed and name == "decide" else DONE)
            booked_in_all += asked - aside
            verdicts.append(out(asked, asked - aside, got, got, aside, word))
        if moved > booked_in_all and verdicts[0] == "paid":
            verdicts[0] = "dearer"
        assert s.sales
        return "/".join(verdicts)

    # -- what must be true

    def _entitled(self) -> dict[str, int]:
        """What each is entitled to of what this contract holds, all in all, had the token been honest."""
        before, million, name = self.before, self.scene.million, self.name
        if self.at == "K":
            return {who: part(who, million) for who in "ABC"}
        if self.at == "E":
            to_buyer = 4 * million // 10
            found = {"U": million + to_buyer, "X": 3 * million - to_buyer}
            if name in ("refund", "refund owed"):
                found = {"U": found["U"] + million, "X": found["X"] - million}
            if name == "open":
                found["X"] += self.look().books["amount new"]
            return found
        came = self._came if name in ("pay", "permit", "remit") else 0
        books = before.books
        revenue = max(books["paidOut"] + before.units[self.at] + came, books["mark"])
        return {who: books[f"credit {who}"] + part(who, revenue) - part(who, books["mark"]) for who in "ABC"}

    @property
    def _came(self) -> int:
        return self.look().units[self.at] - self.before.units[self.at]

    def _received(self, now: State) -> dict[str, int]:
        got = {who: -now.less(self.before, who) for who in ("A", "B", "C", "U", "haven")}
        if self.at == "E":
            return {"U": got["U"] + got["haven"], "X": -now.less(self.before, "X")}
        if self.name == "redirect":
            got["A"] += got["haven"]
        return {who: got[who] for who in "ABC"}

    def _nobody_over(self, now: State) -> None:
        """Nobody has more than it is entitled to, and what the token gave of itself."""
        if self.name.startswith("coin "):
            due = {who: 2 * part(who, FEW) for who in "ABC"}
            for who, most in due.items():
                assert now.coins[who] - self.before.coins[who] <= most, f"{who} has too much coin"
            return
        gift = now.account.since(self.before.account).gave + self.lie
        entitled = self._entitled()
        for who, got in self._received(now).items():
            assert got <= entitled[who] + gift, f"{who} has {got}, and is entitled to {entitled[who]}"

    def _aftermath(self) -> None:
        """The token is honest again, somebody makes good what it took, and everybody has what is theirs."""
        s, side, at = self.scene, self.side, self.at
        if self.name.startswith("coin "):
            self._token_untouched()
            return
        if s.shared and at in ("X", "Z"):
            # What this balance is worth is paid out as the other asset.
            assert self.look(beside=True).beside == self.before.beside, "assets beside were touched"
            return
        if s.ledger is None:
            assert self.look(beside=True).beside == self.before.beside
            return
        s.heal(side)
        entitled = self._entitled()
        now = self.look()
        took = now.account.since(s.start).took + self.lie
        gift = now.account.since(self.before.account).gave + self.lie
        roots = [side.root(s.at[name]) for name in ("X", at)]
        all_that_matters = (id(s), self.name, at, *roots, *now.units.values(), *entitled.values(), took, gift)
        if all_that_matters in self.known:
            return
        hole = self._promised(now) - now.units[at]
        if hole > 0:
            if (
                "mark" in now.books
            ):  # what makes it good is revenue as well: up to where somebody was paid already
                marks = max(now.books[f"mark {who}"] for who in "ABC")
                hole = max(hole, marks - now.books["paidOut"] - now.units[at])
            assert hole <= took, f"{hole} are missing, and the token took {took}"
            side.must(s.call("ledger", "mint", s.at[at], hole))
        self._make_whole()
        last = self.look(beside=True)
        assert self._promised(last) == 0, "something is still outstanding"
        received = self._received(last)
        short = sum(max(0, entitled[who] - got) for who, got in received.items())
        assert short <= took + 3, f"{short} short, and the token took {took}"
        for who, got in received.items():
            assert got <= entitled[who] + gift, f"{who} has {got}, and is entitled to {entitled[who]}"
        assert last.beside == self.before.beside, "assets beside were touched"
        self.known.add(all_that_matters)

    def _token_untouched(self) -> None:
        assert self.look().units == self.before.units
        then = Side(self.scene.world)
        token = self.scene.token
        assert self.scene.books(self.side, self.at, token) == self.scene.books(then, self.at, token)

    def _promised(self, now: State) -> int:
        """What the contract's books say it still has to pay."""
        books = now.books
        if self.at == "K":
            return books["total"] - books["claimed"]
        if self.at == "E":
            found = books["credit U"]
            for sale in self.scene.sales:
                if f"state {sale}" in books:
                    found += books[f"amount {sale}"] * (books[f"state {sale}"] in (HELD, DISPUTED))
                    found += books[f"owed {sale}"]
            return found
        credits_ = sum(books[f"credit {who}"] for who in "ABC")
        revenue = books["paidOut"] + now.units[self.at]
        due = (part(who, revenue) - part(who, books[f"mark {who}"]) for who in "ABC")
        return credits_ + sum(max(0, units) for units in due)

    def _outstanding(self) -> int:
        """What is set aside in a split."""
        books = self.look().books
        return sum(books[f"credit {who}"] for who in "ABC")

    def _make_whole(self) -> None:
        s, side, at, token = self.scene, self.side, self.at, self.scene.token
        x, u, sales = s.at["X"], s.at["U"], s.sales
        if at == "K":
            side.must(s.call("K", "claimMany", token, [s.leaf_claim(who) for who in "ABC"]))
            return
        if at == "E":
            books = self.look().books
            for sale in sales:
                state = books.get(f"state {sale}")
                if state == DISPUTED:
                    side.must(s.call("E", "decide", x, u, sales[sale], 4 * s.million // 10, by="W"))
                elif state == HELD:
                    side.must(s.call("E", "confirm", x, sales[sale], by="P" if sale == "new" else "U"))
                elif state == OWED:
                    side.must(s.call("E", "release", x, u, sales[sale]))
            if books["credit U"]:
                side.must(s.call("E", "withdrawCredit", u, token))
            return
        terms = s.terms[at + "'"] if self.name == "amend" else s.terms[at]
        everybody = [s.at[who] for who in "ABC"]
        if self._outstanding():
            side.must(s.call(at, "withdrawCredits", everybody, token))
        side.must(s.call(at, "distribute", terms.packed, token))
        if self._outstanding():
            side.must(s.call(at, "withdrawCredits", everybody, token))


def where(name: str, settles: bool) -> str:
    """In which contract of a scene an operation is tried."""
    if name in GROUPS["escrow"]:
        return "E"
    if name in GROUPS["payout book"]:
        return "K"
    if name == "amend":
        return "ZY" if settles else "Z"
    return "Y" if settles or name.startswith("coin ") else "X"
