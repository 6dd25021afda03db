"""A chain in this process, for demonstrations, notebooks and tests: eth-tester on py-evm."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from revshare.errors import MissingExtra

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3 import Web3

__all__ = ["MNEMONIC", "Devnet"]

MNEMONIC = "test test test test test test test test test test test junk"
"""What development chains (anvil, Hardhat) make their accounts of. Known to all: never for real money."""

_PATH = "m/44'/60'/0'/0"


@dataclass(frozen=True)
class Devnet:
    """An embedded chain: a Web3 on it, and its accounts as signers, each with a million coins."""

    w3: Web3
    accounts: tuple[LocalAccount, ...] = field(repr=False)

    @classmethod
    def start(cls, accounts: int = 10) -> Devnet:
        """Start a chain, which lives as long as this object, and mines a block for each transaction.

        accounts: how many there are; they are those of anvil and Hardhat, in order.

        Raises MissingExtra without eth-tester.
        """
        try:
            from eth_tester import EthereumTester, PyEVMBackend
        except ModuleNotFoundError as error:
            raise MissingExtra("devnet", "eth-tester[py-evm]") from error
        from eth_account import Account
        from web3 import EthereumTesterProvider, Web3

        backend = PyEVMBackend.from_mnemonic(MNEMONIC, num_accounts=accounts, hd_path=_PATH)
        w3 = Web3(EthereumTesterProvider(EthereumTester(backend)))
        keys = backend.account_keys[:accounts]
        return cls(w3, tuple(Account.from_key(key.to_bytes()) for key in keys))
