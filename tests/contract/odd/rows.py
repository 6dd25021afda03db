"""The battery's rows: how tokens behave, which ones do, and what is expected of each operation.

What is expected is written from what the contracts promise (the table in lib/Delivery.sol, the comments of
the interfaces), not from what they do. The letters are those of `battery.VERDICTS`; the order is that of
`battery.COLUMNS`:

    pay permit remit | distribute claim claims withdraw withdraws redirect amend
    | open confirm release release-owed refund refund-owed decide withdraw redirect
    | publish claim claims surplus | the coin: distribute claim withdraw
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.contract.odd.battery import COLUMNS, VERDICTS
from tests.contract.odd.scene import HONEST, Manner

MILLION = 10**6


@dataclass(frozen=True)
class Row:
    """A behaviour.

    does: what it does, and which token. listed: whom it concerns, where that is somebody in particular.
    event: what happens to balances beforehand, as (numerator, denominator). mood: of those whom it calls.
    settles: what is expected instead in a split that settles in the token, by column.
    """

    name: str
    does: str
    manner: Manner
    expected: str
    listed: str = ""
    event: tuple[int, int] = (1, 1)
    mood: str = ""
    scene: str = "main"
    settles: str = ""

    def verdicts(self) -> dict[str, str]:
        letters = [letter for letter in self.expected.split() if letter != "|"]
        assert len(letters) == len(COLUMNS), self.name
        return {name: spelt(letter) for name, letter in zip(COLUMNS, letters, strict=True)}

    def settled(self) -> dict[str, str]:
        found = {name: self.verdicts()[name] for name in SETTLED}
        for pair in self.settles.split():
            name, letter = pair.split("=")
            found[name] = spelt(letter)
        return found


SETTLED = ("pay", "distribute", "claim", "claims", "withdraw", "withdraws", "redirect", "amend")
"""What is tried in a split that settles in the token as well."""


def spelt(letter: str) -> str:
    return "/".join(VERDICTS[each] for each in letter.split("/"))


PAID = "P P P | P P P P P P P | P P P P P P P/P P P | P P P P | P P P"
# A word that is no clean success is judged by the balance, save where a book pays one alone.
# Coming in, such a word is none that the payer has paid.
MOVED_ALL_THE_SAME = "r r r | P P P P P P P | r O O w P P P/O P P | P f P f | P P P"
REFUSED = "r r r | A f N f N f A | r O O w A A A/O f f | P f N f | P P P"
# The first payee and the buyer are refused, everybody else is not.
SOME_REFUSED = "P P P | K f K f K P K | P P P P A A A/P f P | P f K P | P P P"
KEEPS_A_PART = "L L L | L L L L L L L | L L L L L L L/L L L | P L L L | P P P"
NO_BALANCES = "t t t | t t N t N t t | t O O w P P P/O t t | t P P t | P P P"

ROWS = (
    Row("honest", "For comparison.", HONEST, PAID),
    Row("answers nothing", "`transfer` returns no value: USDT, BNB, OMG.", Manner("Nothing"), PAID),
    Row(
        "answers `false`, having paid",
        "Tether Gold (XAUT) returned `false` on success.",
        Manner("No"),
        MOVED_ALL_THE_SAME,
    ),
    Row(
        "answers 2, having paid",
        "None known; a `true` that is not 1 comes from tokens written in assembly.",
        Manner("Two"),
        MOVED_ALL_THE_SAME,
    ),
    Row(
        "answers the amount, having paid",
        "None known as ERC-20; `transferShares` of stETH answers so.",
        Manner("TheAmount"),
        MOVED_ALL_THE_SAME,
    ),
    Row(
        "answers one byte, having paid",
        "None known; half an answer must not be read as a whole one.",
        Manner("OneByte"),
        MOVED_ALL_THE_SAME,
    ),
    Row(
        "answers `true` and 100,000 bytes",
        "No honest one; copying the answer would burn the caller's gas.",
        Manner("HugeYes"),
        PAID,
    ),
    Row(
        "answers 100,000 zeros, moving nothing",
        "No honest one.",
        Manner("HugeNo", "None"),
        REFUSED,
    ),
    Row(
        "answers `false`, moving nothing",
        "Tokens that return `false` where others revert: ZRX, EURS; here of every transfer.",
        Manner("No", "None"),
        REFUSED,
    ),
    Row(
        "answers `false` to some",
        "The same, of the first payee and the buyer alone.",
        Manner("No", "None", "Listed"),
        SOME_REFUSED,
        listed="AU",
    ),
    Row(
        "says `true`, moving nothing",
        "Honeypots. What a token says it paid has been paid ([decision 0008]"
        "(decisions/0008-paid-is-what-the-token-says-it-moved.md)).",
        Manner("Yes", "None"),
        "r r r | L L L L L L L | r O O w L L L/O L L | P L L L | P P P",
    ),
    Row("is paused", "Every transfer reverts: BNB, ZIL, USDC when paused.", Manner("Reverts"), REFUSED),
    Row(
        "is paused, with 100,000 bytes",
        "The same with a bomb for revert data; no honest one.",
        Manner("RevertsHuge"),
        REFUSED,
    ),
    Row(
        "burns all gas",
        "Tokens compiled before Solidity 0.8 whose `assert` fails.",
        Manner("BurnsGas"),
        REFUSED,
    ),
    Row(
        "blocks some",
        "A blocklist, with the first payee and the buyer on it: USDC, USDT.",
        Manner(blocks=True),
        SOME_REFUSED,
        listed="AU",
    ),
    Row(
        "blocks some, and where they send it",
        "An allowlist: ERC-3643 and other securities. Also what was to go elsewhere cannot.",
        Manner(blocks=True),
        "P P P | K f K f K f K | P P P P A A A/P f f | P f K f | P P P",
        listed="AUh",
    ),
    Row(
        "blocks the contracts themselves",
        "The blocklist of USDC or USDT, with the split, the escrow and the book on it.",
        Manner(blocks=True),
        REFUSED,
        listed="XYZzEK",
    ),
    Row(
        "is upgraded, to a fee and a blocklist",
        "Proxies whose owner changes the code between `open` and the end: USDC, and any other of its kind.",
        Manner(moves="Fee", blocks=True, number=100),
        "L L L | K f K f K L K | L L L L A A A/L f L | P f K L | P P P",
        listed="AU",
    ),
    Row(
        "wipes balances",
        "The issuer may take what is blocked: PAXG and BUSD (`wipeFrozenAddress`). Here all there is.",
        HONEST,
        "P P P | N n N n N f N | P O O w A A A/O f f | u f N e | P P P",
        event=(0, 1),
    ),
    Row(
        "takes a fee from what arrives",
        "PAXG, and USDT if its owner wishes: 1 %.",
        Manner(moves="Fee", number=100),
        KEEPS_A_PART,
    ),
    Row(
        "burns most of what is moved",
        "Deflationary: STA burns 1 %, others more; here 60 %.",
        Manner(moves="Fee", number=6_000),
        KEEPS_A_PART,
    ),
    Row(
        "takes a fee on top",
        "The sender pays 1 % more than was asked: made from templates, none widely held.",
        Manner(moves="OnTop", number=100),
        "P P P | T T T T T T T | P O O w T T T/O T T | P T T u | P P P",
    ),
    Row(
        "gives holders a part of each transfer",
        "Reflections, of which the sender has its own: RFI, SafeMoon. Here 2 %, of which it has half.",
        Manner(moves="Reflects", number=200),
        "L L L | L L L L L L L | L O O w L L L/O L L | P L L L | P P P",
    ),
    Row(
        "rebases up",
        "stETH, AMPL, Aave's aTokens: a tenth more before it is paid out.",
        HONEST,
        PAID,
        event=(11, 10),
    ),
    Row(
        "rebases down",
        "AMPL, stETH after a slashing: a tenth less before it is paid out. Who comes last waits.",
        HONEST,
        "P P P | P P P P P P P | P P P P P P P/P P P | u P K e | P P P",
        event=(9, 10),
    ),
    Row(
        "counts in shares, rounding down",
        "stETH: a unit or two less than asked leaves and arrives.",
        Manner(moves="LessByOne"),
        KEEPS_A_PART,
    ),
    Row(
        "counts in shares, rounding up",
        "Aave's aTokens may take a unit more from the sender than arrives.",
        Manner(moves="MoreByOne"),
        "P P P | T T T T T T T | P T T T T T T/P T T | P T T u | P P P",
    ),
    Row(
        "moves more than asked",
        "None known.",
        Manner(moves="More", number=10),
        "P P P | M M M M M M M | P O O w M M M/O M M | P M M u | P P P",
    ),
    Row(
        "moves more than asked, and says `false`",
        "None known.",
        Manner("No", "More", number=10),
        "r r r | A f N f N f A | r O O w A A A/O f f | P f N f | P P P",
    ),
    Row(
        "moves half, and says `false`",
        "None known.",
        Manner("No", "Half"),
        "r r r | A f N f N f A | r O O w A A A/O f f | P f N f | P P P",
    ),
    Row(
        "reverts on nothing",
        "Transfers of 0 revert: LEND. None is ever asked for.",
        Manner("Reverts", when="Nothing"),
        PAID,
    ),
    Row(
        "reverts on large amounts",
        "More than 2^96 − 1: UNI, COMP. Here more than a quarter of a million.",
        Manner("Reverts", when="Large", number=MILLION // 4),
        "r r r | K P K P K P K | r O O w A A A/O f P | P P K P | P P P",
    ),
    Row(
        "moves once a block",
        "A sender's second transfer in a block reverts: templates against bots.",
        Manner("Reverts", when="TwiceABlock"),
        "P P P | K P K P K P K | P P P P P P P/O P P | P P K P | P P P",
    ),
    Row(
        "needs 300,000 gas",
        "More than the 200,000 that one payee of many gets: tokens that pay rewards on transfer.",
        Manner(gas=300_000),
        "P P P | A P P P P P A | P P P P A A A/P P P | P P N P | P P P",
    ),
    Row(
        "must be approved from zero",
        "USDT, KNC: an allowance is not changed into another.",
        Manner(approves="FromZero"),
        PAID,
    ),
    Row(
        "approves nothing",
        "None known for long; tokens whose pause stops `approve` too.",
        Manner(approves="NotAtAll"),
        "P P P | P P P P P P P | P O O w P P P/O P P | P P P P | P P P",
    ),
    Row(
        "never lowers an allowance",
        "UNI, COMP and WETH lower none that is all ones; here none.",
        Manner(approves="ForEver"),
        "P P P | P P P P P P P | P O O w P P P/O P P | P P P P | P P P",
    ),
    Row(
        "has a permit that does nothing",
        "WETH9: its fallback takes any call. Nobody's allowance, nobody's money.",
        Manner(permits="DoesNothing"),
        PAID.replace("P P P |", "P r P |", 1),
    ),
    Row(
        "has another permit",
        "DAI, CHAI: theirs takes other arguments, and what we call is not there.",
        Manner(permits="Unknown"),
        PAID.replace("P P P |", "P r P |", 1),
    ),
    Row(
        "doubles what is sent to oneself",
        "bZx's iTokens, until 2020. Nothing is ever sent to oneself.",
        Manner(moves="Doubles", when="ToItself"),
        PAID,
    ),
    Row(
        "calls who pays and who is paid",
        "ERC-777: imBTC, AMP. Each calls back, into the contract that is just paying.",
        Manner(calls=True),
        PAID,
        mood="acts",
    ),
    Row(
        "calls who is paid, who refuses",
        "The same, ERC-1363, ERC-677: the first payee and the buyer revert.",
        Manner(calls=True),
        SOME_REFUSED,
        mood="refuses",
    ),
    Row(
        "calls, and has paid before it says `false`",
        "None known: hooks, and no clean answer.",
        Manner("No", calls=True),
        MOVED_ALL_THE_SAME,
        mood="acts",
    ),
    Row(
        "says it has more",
        "A balance that is borrowed while it is looked at, or a lie: a million more than there is. "
        "It is paid out as far as there is anything, to who comes first.",
        Manner(tells="More", number=MILLION),
        PAID,
    ),
    Row(
        "says it has nothing",
        "A lie.",
        Manner(tells="Zero"),
        "r r r | N n N n N P N | r O O w P P P/O P P | u P P e | P P P",
    ),
    Row(
        "says it has what there is of the coin",
        "A lie, by a token that is not the coin and moves nothing. "
        "In the split that settles in it the coin can no more be told from it.",
        Manner("Reverts", tells="Coin"),
        "r r r | N n N f N f N | r O O w A A A/O f f | u f N e | A s s",
    ),
    Row(
        "does not say what it has",
        "`balanceOf` reverts: proxies after a bad upgrade.",
        Manner(tells="Reverts"),
        NO_BALANCES,
    ),
    Row(
        "half says what it has",
        "`balanceOf` answers with 31 bytes; none known.",
        Manner(tells="Short"),
        NO_BALANCES,
    ),
    Row(
        "burns all gas when asked what it has",
        "Tokens compiled before Solidity 0.8 whose `assert` fails.",
        Manner(tells="BurnsGas"),
        NO_BALANCES,
    ),
    Row("has no decimals", "GUSD has 2; the least is 0. The million is ten.", HONEST, PAID, scene="ten"),
    Row(
        "has 36 decimals",
        "YAMv2 has 24. The million is ten tokens of 10^36 units; 170 such tokens are the most that a "
        "split counts ([decision 0009](decisions/0009-revenue-is-counted-up-to-2-127.md)).",
        HONEST,
        PAID,
        scene="vast",
    ),
    Row(
        "has two addresses",
        "TUSD, until 2022; Synthetix's proxies. The other one is what the split settles in.",
        HONEST,
        "P P P | A s N s N s N | P P P P P P P/P P P | P P P P | P P P",
        scene="double",
        settles="distribute=P claim=P claims=P withdraw=P withdraws=P redirect=P amend=P",
    ),
    Row(
        "is the coin",
        "CELO on Celo, POL at 0x…1010 on Polygon: here moved by a precompile, as Celo's is.",
        HONEST,
        "P P P | A s N s N s N | P P P P P P P/P P P | P P P P | A s s",
        scene="alias",
        settles="distribute=P claim=P claims=P withdraw=P withdraws=P redirect=P amend=P",
    ),
    Row(
        "is no contract",
        "An address without code, given as a token.",
        HONEST,
        "t t t | t t N t N t t | t - - - - - - - - | t - - t | P P P",
        scene="none",
    ),
    Row(
        "is gone",
        "Its code is no more there: an account that takes its delegation back (EIP-7702).",
        HONEST,
        "t t t | t t N t N t t | t O O w A A A/O t t | t t N t | P P P",
        scene="gone",
    ),
)
