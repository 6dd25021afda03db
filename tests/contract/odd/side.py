"""Transactions that go on from where a chain stands, on the chain's own machine, and leave no trace on it.

A cell of the battery is a handful of transactions that must not meet those of the next cell. They run here as
in a block, one after the other, each validated and ended as any transaction is (transient storage,
self-destructions and warm slots included); what they leave is forgotten with the object. `test_odd_tokens.py`
has some of it mined as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eth_tester.backends.pyevm.main import EVMSpoofTransaction
from eth_utils.address import to_canonical_address

from tests.contract.world import Refusal, World

GAS = 2**24
"""What one transaction may have (EIP-7825)."""


@dataclass(frozen=True)
class Call:
    """What a transaction does; the world's owner sends them all, and contracts act for parties."""

    to: str
    data: bytes
    value: int = 0


@dataclass(frozen=True)
class Outcome:
    """What came of a transaction."""

    refusal: Refusal | None
    answer: bytes
    logs: tuple[tuple[bytes, tuple[int, ...], bytes], ...]

    @property
    def done(self) -> bool:
        return self.refusal is None


class Side:
    """A chain that goes on by itself."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._vm = world.tester.backend.chain.get_vm()
        self.state = self._vm.state
        self._owner = to_canonical_address(world.owner)

    def send(self, call: Call, gas: int = GAS) -> Outcome:
        """Run a transaction in the next block."""
        self.state.lock_changes()
        self.state.execution_context._block_number += 1
        return self._run(call, gas)

    def must(self, call: Call, gas: int = GAS) -> Outcome:
        """The same for one that must not be refused."""
        found = self.send(call, gas)
        assert found.done, found.refusal
        return found

    def _run(self, call: Call, gas: int) -> Outcome:
        state = self.state
        transaction = self._vm.create_unsigned_transaction(
            nonce=state.get_nonce(self._owner),
            gas_price=state.execution_context.base_fee_per_gas,
            gas=gas,
            to=to_canonical_address(call.to),
            value=call.value,
            data=call.data,
        )
        found = state.apply_transaction(EVMSpoofTransaction(transaction, from_=self._owner))
        refusal = None if found.is_success else self.world.named(bytes(found.output))
        return Outcome(
            refusal, bytes(found.output), tuple(found.get_log_entries()) if found.is_success else ()
        )

    def ask(self, call: Call, types: tuple[str, ...]) -> Any:
        """What a view answers: one thing, or several."""
        snapshot = self.state.snapshot()
        found = self._run(call, 2 * GAS)
        self.state.revert(snapshot)
        assert found.done, found.refusal
        values = self.world.w3.codec.decode(types, found.answer)
        return values[0] if len(types) == 1 else values

    def aside(self, first: Callable[[], None], then: Callable[[], Any]) -> Any:
        """What would be seen if something happened first."""
        snapshot = self.state.snapshot()
        first()
        found = then()
        self.state.revert(snapshot)
        return found

    def do(self, call: Call) -> None:
        """For `aside`: run a transaction that can be taken back."""
        found = self._run(call, GAS)
        assert found.done, found.refusal

    def coins(self, who: str) -> int:
        return int(self.state.get_balance(to_canonical_address(who)))

    def word(self, who: str, slot: int) -> int:
        """A word of storage."""
        return int(self.state.get_storage(to_canonical_address(who), slot))

    def root(self, who: str) -> bytes:
        """Of all that an account has in storage."""
        self.state.lock_changes()
        store = self.state._account_db._get_address_store(to_canonical_address(who))
        store.make_storage_root()
        return bytes(store.get_changed_root()) if store.has_changed_root else b"as before"

    def set_code(self, who: str, code: bytes) -> None:
        self.state.set_code(to_canonical_address(who), code)
