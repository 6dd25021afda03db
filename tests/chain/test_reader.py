"""Reading logs from nodes that refuse and chains that reorganise."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from tests.chain.conftest import Chain
from tests.nodes import Through, refusal
from web3 import Web3

import revshare as rs
from revshare.chain import Cursor, Event, EventReader, SalePaid

WORDS = {
    "geth": refusal("query returned more than 10000 results", -32005),
    "alchemy": refusal(
        "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range"
    ),
    "infura": refusal("query exceeds max results", -32005, data={"from": "0x1", "limit": 10000, "to": "0x5"}),
    "erigon": refusal("block range is too wide", -32602),
    "quicknode": refusal("eth_getLogs is limited to a 10,000 range", -32614),
    "nothing": refusal("", -32000, data=None),
    "time-out": requests.ReadTimeout("slow"),
}


def refusing(chain: Chain, most: int, words: Any = WORDS["geth"]) -> Through:
    """A provider that shows at most so many blocks at a time."""

    def meddle(method: str, params: Any, ask: Any) -> Any:
        if method == "eth_getLogs":
            first, last = (int(str(params[0][end]), 0) for end in ("fromBlock", "toBlock"))
            if last - first + 1 > most:
                if isinstance(words, Exception):
                    raise words
                return words
        return ask()

    return Through(chain.w3.provider, meddle)


def sales(split: rs.RevenueSplit, *ids: str) -> None:
    for name in ids:
        split.pay(1, sale_id=name).send()


def names(events: Any) -> list[str]:
    return [event.sale_id.rstrip(b"\0").decode() for event in events if isinstance(event, SalePaid)]


# ---------------------------------------------------------------- ranges


@pytest.mark.parametrize("words", WORDS)
def test_ranges_shrink_until_the_node_answers_whatever_it_says(anvil_chain: Chain, words: str) -> None:
    split = anvil_chain.split(coin=True)
    sales(split, "a", "b")
    anvil_chain.skip(20)
    sales(split, "c")
    whole = split.events()
    for most in (1, 3, 8):
        provider = refusing(anvil_chain, most, WORDS[words])
        reader = EventReader(Web3(provider), split.address)
        assert tuple(reader.read(split.created_in, anvil_chain.w3.eth.block_number)) == whole
    assert names(whole) == ["a", "b", "c"]


def test_ranges_grow_again(anvil_chain: Chain) -> None:
    split = anvil_chain.split(coin=True)
    anvil_chain.skip(400)
    limit = [4]

    def meddle(method: str, params: Any, ask: Any) -> Any:
        if method == "eth_getLogs":
            first, last = (int(str(params[0][end]), 0) for end in ("fromBlock", "toBlock"))
            if last - first + 1 > limit[0]:
                return WORDS["geth"]
            sizes.append(last - first + 1)
            limit[0] = 4 if first < 60 else 32
        return ask()

    sizes: list[int] = []
    provider = Through(anvil_chain.w3.provider, meddle)
    list(EventReader(Web3(provider), split.address, span=10_000).read(0, 400))
    asked = [params for method, params in provider.asked if method == "eth_getLogs"]
    assert sum(sizes) == 401
    assert max(sizes) > 16
    assert len(asked) < 1.6 * len(sizes)  # few questions are asked in vain


def test_a_single_block_that_is_refused_is_an_error(tester: Chain) -> None:
    split = tester.split(coin=True)
    reader = EventReader(Web3(refusing(tester, 0)), split.address)
    with pytest.raises(rs.ProviderError, match="query returned more than 10000 results") as caught:
        list(reader.read(0, 9))
    assert (caught.value.method, caught.value.code) == ("eth_getLogs", -32005)


def test_a_node_that_is_gone_is_not_asked_over_and_over(tester: Chain) -> None:
    gone = False

    def meddle(method: str, params: Any, ask: Any) -> Any:
        if gone:
            raise requests.ConnectionError("gone")
        return ask()

    split = tester.split(coin=True)
    provider = Through(tester.w3.provider, meddle)
    reader = EventReader(Web3(provider), split.address)
    gone = True
    with pytest.raises(rs.ProviderError, match="no answer"):
        list(reader.read(0, 1000))
    assert len(provider.asked) == 2


# ---------------------------------------------------------------- following


def test_following_brings_each_event_once(chain: Chain) -> None:
    split = chain.split(coin=True)
    reader = split.reader()
    cursor = reader.start(split.created_in)
    sales(split, "a", "b")
    update = reader.follow(cursor)
    assert (names(update.events), update.removed) == (["a", "b"], ())
    again = reader.follow(update.cursor)
    assert (again.events, again.removed) == ((), ())
    sales(split, "c")
    last = reader.follow(again.cursor)
    assert names(last.events) == ["c"]
    assert last.cursor.block_number == chain.w3.eth.block_number
    up_to = reader.follow(cursor, to_block=update.events[0].block_number)
    assert names(up_to.events) == ["a"]


def test_a_reorganisation_takes_back_what_is_gone_and_nothing_else(chain: Chain) -> None:
    split = chain.split(coin=True)
    reader = split.reader()
    cursor = reader.start(split.created_in)
    sales(split, "a", "b")
    update = reader.follow(cursor)
    snapshot = chain.snapshot()
    sales(split, "c", "d")
    before = reader.follow(update.cursor)

    chain.revert(snapshot)
    sales(split, "e", "c", "f")  # d is gone, c is in another block
    after = reader.follow(before.cursor)

    assert names(after.removed) == ["c", "d"]
    assert names(after.events) == ["e", "c", "f"]
    assert {event.block_hash for event in after.removed}.isdisjoint(e.block_hash for e in after.events)
    kept = [*update.events, *before.events]
    for event in after.removed:
        kept.remove(event)
    assert tuple(kept) + after.events == split.events()


def test_events_that_survive_a_reorganisation_are_not_touched(chain: Chain) -> None:
    """Where marks are far apart, what lies between the last good one and the change is read again."""
    split = chain.split(coin=True)
    reader = split.reader()
    cursor = reader.start(split.created_in)
    sales(split, "a")
    chain.mine()
    snapshot = chain.snapshot()
    chain.mine()
    update = reader.follow(cursor)
    cursor = Cursor((update.cursor.marks[0], update.cursor.marks[-1]), update.cursor.recent)
    chain.revert(snapshot)
    sales(split, "b", "c")
    after = reader.follow(cursor)
    assert (after.removed, names(after.events)) == ((), ["b", "c"])


def test_a_change_beyond_the_depth_is_an_error_not_a_guess(chain: Chain) -> None:
    split = chain.split(coin=True)
    reader = EventReader(chain.w3, split.address, depth=2)
    snapshot = chain.snapshot()
    cursor = reader.start(split.created_in)
    for name in "abcdef":
        sales(split, name)
        cursor = reader.follow(cursor).cursor
    assert len(cursor.marks) <= 4
    assert names(cursor.recent) == ["e", "f"]  # what is older cannot be taken back any more
    chain.revert(snapshot)
    for name in "ghijklmn":
        sales(split, name)
    with pytest.raises(rs.ReorgDetected, match="further back than 2 blocks") as caught:
        reader.follow(cursor)
    assert caught.value.block == cursor.marks[0][0]


def test_a_node_that_lags_behind_brings_nothing(tester: Chain) -> None:
    split = tester.split(coin=True)
    behind = 0

    def meddle(method: str, params: Any, ask: Any) -> Any:
        if method == "eth_blockNumber":
            return ask() | {"result": hex(tester.w3.eth.block_number - behind)}
        if method == "eth_getBlockByNumber" and int(str(params[0]), 0) > tester.w3.eth.block_number - behind:
            return {"jsonrpc": "2.0", "id": 1, "result": None}
        return ask()

    reader = EventReader(Web3(Through(tester.w3.provider, meddle)), split.address)
    cursor = reader.start(split.created_in)
    sales(split, "a", "b", "c")
    cursor = reader.follow(cursor).cursor
    behind = 2
    lagging = reader.follow(cursor)
    assert (lagging.removed, lagging.events, lagging.cursor) == ((), (), cursor)
    behind = 0
    sales(split, "d")
    assert names(reader.follow(cursor).events) == ["d"]


def test_a_chain_that_changes_while_it_is_read_is_read_again(tester: Chain) -> None:
    split = tester.split(coin=True)
    cursor = split.reader().start(split.created_in)
    sales(split, "a")
    snapshot = [tester.snapshot()]
    sales(split, "b")

    def meddle(method: str, params: Any, ask: Any) -> Any:
        answer = ask()
        if method == "eth_getLogs" and snapshot:
            tester.revert(snapshot.pop())
            sales(split, "c", "d")
        return answer

    update = EventReader(Web3(Through(tester.w3.provider, meddle)), split.address).follow(cursor)
    assert (names(update.events), update.removed) == (["a", "c", "d"], ())
    assert update.events == split.events()


# ---------------------------------------------------------------- the beginning


def test_the_block_of_creation_is_found(chain: Chain) -> None:
    before = chain.w3.eth.block_number
    split = chain.split(coin=True)
    for _ in range(5):
        chain.mine()
    created = rs.RevenueSplit.at(chain.w3, split.address, agreement=split.terms).created_in
    assert before < created <= chain.w3.eth.block_number - 5
    assert split.events(to_block=created) == ()


def test_without_history_the_node_is_said_to_have_none(tester: Chain) -> None:
    def pruned(method: str, params: Any, ask: Any) -> Any:
        if method == "eth_getCode" and params[1] != "latest" and int(str(params[1]), 0) < head:
            return refusal("missing trie node")
        return ask()

    made = tester.split(coin=True)
    sales(made, "a")
    tester.mine()
    head = tester.w3.eth.block_number
    w3 = Web3(Through(tester.w3.provider, pruned))
    split = rs.RevenueSplit.at(w3, made.address, agreement=made.terms)
    with pytest.raises(rs.ProviderError, match="pass from_block="):
        split.events()
    with pytest.raises(rs.ProviderError, match="or an agreement"):
        rs.RevenueSplit.at(w3, made.address)
    assert names(split.events(from_block=head - 2)) == ["a"]


def test_events_say_what_happened_and_where(chain: Chain) -> None:
    split = chain.split(coin=True)
    receipt = split.pay(5, sale_id="A").send()
    (event,) = split.events()
    assert isinstance(event, Event)
    assert (event,) == receipt.events
    assert event == SalePaid(
        address=split.address,
        block_number=receipt.block_number,
        block_hash=receipt.block_hash,
        tx_hash=receipt.tx_hash,
        log_index=0,
        payer=chain.payer.address,
        sale_id=b"A".ljust(32, b"\0"),
        token=rs.chain.COIN,
        amount=5,
    )
    assert event.place == (receipt.block_number, 0)
    assert "tx_hash" not in repr(event)
