"""The chain the battery is played on, with its scenes, and the rows as they come out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.contract.coin_token import Machine
from tests.contract.odd.battery import COLUMNS, Cell
from tests.contract.odd.rows import SETTLED, Row
from tests.contract.odd.scene import Scene
from tests.contract.world import COIN, World


@dataclass
class Stage:
    """All scenes on one chain, built when first asked for."""

    compiled: dict[str, Any]
    found: dict[str, dict[str, str]] = field(default_factory=dict)
    scenes: dict[str, Scene] = field(default_factory=dict)
    keys: dict[str, Any] = field(default_factory=dict)
    known: set[Any] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.world = World(self.compiled, Machine)
        for name in ("SaleEscrow", "PayoutBook", "IAmendableSplit"):
            self.world._errors |= self.world._selectors(name)

    def scene(self, name: str) -> Scene:
        if name not in self.scenes:
            self.scenes[name] = self._build(name)
        return self.scenes[name]

    def _build(self, name: str) -> Scene:
        w = self.world
        if name == "none":
            return Scene(w, None, w.fresh(), str(w.token().address), bare=True, beside=(COIN,))
        if name == "double":
            ledger = w.deploy("MannerToken")
            door = w.deploy("SideDoor", ledger.address)
            return Scene(w, ledger, str(door.address), str(ledger.address), beside=(COIN,))
        honest = str(w.token().address)
        if name == "alias":
            ledger = w.deploy("CoinAsToken")
            return Scene(w, ledger, str(ledger.address), honest, alias=True, beside=(honest,))
        if name == "gone":
            impl, key = w.deploy("MannerToken"), w.account()
            delegate(w, key, impl.address)
            ledger = w.at("MannerToken", key.address)
            scene = Scene(w, ledger, key.address, honest, beside=(COIN, honest), impl=str(impl.address))
            self.keys[name] = key
            return scene
        million = {"ten": 10, "vast": 10**37}.get(name, 10**6)
        ledger = w.deploy("MannerToken")
        return Scene(w, ledger, str(ledger.address), honest, million, beside=(COIN, honest))

    def begin(self, row: Row) -> Scene:
        """Have the token of a row's scene behave as the row says."""
        scene = self.scene(row.scene)
        names = {"h": "haven", "z": "ZY"}
        if row.listed:
            scene.make(scene.call("ledger", "list", [scene.at[names.get(n, n)] for n in row.listed]))
        if row.mood:
            scene.make(scene.call("ledger", "hook", [scene.at[n] for n in "AUP"]))
        if row.event != (1, 1):
            whom = [scene.at[n] for n in ("X", "Y", "Z", "ZY", "E", "K")]
            scene.make(scene.call("ledger", "rebase", whom, *row.event))
        if scene.impl:
            delegate(self.world, self.keys[row.scene], COIN)
        elif scene.ledger is not None and not scene.alias:
            scene.make(scene.behave(row.manner))
        return scene

    def row(self, row: Row) -> dict[str, str]:
        """The verdicts of a row, by column; in the split that settles in the token by "settles …"."""
        if row.name not in self.found:
            scene = self.scene(row.scene)
            snapshot = self.world.tester.take_snapshot()
            self.begin(row)
            expected = row.verdicts()
            found = {}
            for name in COLUMNS:
                found[name] = "–" if expected[name] == "–" else self.cell(scene, row, name)
            for name in SETTLED:
                found[f"settles {name}"] = self.cell(scene, row, name, settles=True)
            self.world.tester.revert_to_snapshot(snapshot)
            self.found[row.name] = found
        return self.found[row.name]

    def cell(self, scene: Scene, row: Row, name: str, *, settles: bool = False) -> str:
        try:
            cell = Cell(scene, row.manner, name, settles=settles, mood=row.mood, known=self.known)
            return cell.run()
        except AssertionError as error:
            return f"FAULT: {str(error).partition(chr(10))[0]}"


def delegate(world: World, account: Any, code: str) -> None:
    """Have an account delegate to code (EIP-7702), or with the zero address to none."""
    nonce = world.w3.eth.get_transaction_count(account.address)
    authorization = account.sign_authorization({"chainId": 0, "address": code, "nonce": nonce + 1})
    signed = account.sign_transaction(
        {
            "type": 4,
            "chainId": world.w3.eth.chain_id,
            "nonce": nonce,
            "gas": 200_000,
            "maxFeePerGas": 2 * 10**9,
            "maxPriorityFeePerGas": 1,
            "to": world.fresh(),
            "value": 0,
            "data": b"",
            "authorizationList": [authorization],
        }
    )
    hash_ = world.w3.eth.send_raw_transaction(signed.raw_transaction)
    assert world.w3.eth.get_transaction_receipt(hash_)["status"] == 1
