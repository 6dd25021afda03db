"""Other split contracts, measured as ours are (`_gas.py`): OpenZeppelin's and thirdweb's, from npm."""

from __future__ import annotations

from typing import Any

import _npm
from _gas import PAYMENT, Chain, address, weights

Figures = dict[str, Any]


def openzeppelin(counts: tuple[int, ...]) -> Figures:
    """PaymentSplitter 4.9.6: each payee releases its own share by a transaction of its own."""
    code, figures = _npm.openzeppelin("PaymentSplitter"), _empty()
    for count in counts:
        chain = Chain()
        token, _ = chain.deploy(_npm.solady_token())
        payees = [address(f"payee {i} of PaymentSplitter") for i in range(count)]
        split, figures["create"][str(count)] = chain.deploy(code, payees, weights(count))
        for kind, signature, first in (
            ("coin", "release(address)", []),
            ("erc20", "release(address,address)", [token.address]),
        ):
            release = split.get_function_by_signature(signature)
            for when in ("first", "warm"):
                _fund(chain, split, token, kind, figures)
                used = [chain.gas(release(*first, payee)) for payee in payees]
                figures[f"release_all_{kind}_{when}"][str(count)] = sum(used)
    return figures


def thirdweb(counts: tuple[int, ...]) -> Figures:
    """Split 3.15.0, compiled with solc 0.8.23 and 20 runs, cloned by thirdweb's own factory."""
    split_code, factory_code = _npm.thirdweb()
    figures = _empty()
    for count in counts:
        chain = Chain()
        token, _ = chain.deploy(_npm.solady_token())
        implementation, _ = chain.deploy(split_code)
        factory, _ = chain.deploy(factory_code, "0x" + "00" * 20)
        payees = [address(f"payee {i} of Split") for i in range(count)]
        setup = implementation.encode_abi("initialize", [chain.owner, "", [], payees, weights(count)])
        deploy = factory.functions.deployProxyByImplementation(implementation.address, setup, b"\1" * 32)
        cloned = deploy.call({"from": chain.owner, "gas": 30_000_000})
        figures["create"][str(count)] = chain.gas(deploy)
        split = chain.at(split_code, cloned)
        distributions = {
            "coin": split.get_function_by_signature("distribute()")(),
            "erc20": split.get_function_by_signature("distribute(address)")(token.address),
        }
        for kind, distribute in distributions.items():
            for when in ("first", "warm"):
                _fund(chain, split, token, kind, figures)
                figures[f"distribute_{kind}_{when}"][str(count)] = chain.gas(distribute)
    return figures


def _fund(chain: Chain, split: Any, token: Any, kind: str, figures: Figures) -> None:
    if kind == "coin":
        figures["receive"] = chain.coin(split.address)
    else:
        chain.gas(token.functions.transfer(split.address, PAYMENT))


class _Empty(dict[str, Any]):
    """Figures by name, and under each name by the number of payees."""

    def __missing__(self, name: str) -> Any:
        return self.setdefault(name, {})


def _empty() -> Figures:
    return _Empty()
