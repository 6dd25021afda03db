// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Asset} from "../lib/Asset.sol";
import {IRevenueSplitEvents} from "../IRevenueSplit.sol";
import {Payout} from "../lib/Payout.sol";

/// @title A payment whose failure is the recipient's own, and stops nobody else.
library Delivery {
    /// @notice Sends with the allowance of gas that a split gives its payees (lib/Payout.sol).
    /// @return sent Whether it arrived: the coin was accepted; the token answered nothing, or `true`, and this
    ///         contract's balance fell.
    /// @dev Return data is not copied beyond one word. Reverts: NotEnoughGas, when the payment failed and might not have
    ///      with more gas, so that no caller can forge a failure; NotAToken.
    function attempt(address asset, address to, uint256 amount) internal returns (bool sent) {
        if (asset == Asset.COIN) {
            uint256 allowance = Payout.COIN_GAS;
            assembly ("memory-safe") {
                sent := call(allowance, to, amount, 0, 0, 0, 0)
            }
            if (!sent) requireGas(allowance);
            return sent;
        }
        uint256 held = Asset.balance(asset);
        uint256 limit = Payout.TOKEN_GAS;
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, shl(224, 0xa9059cbb)) // transfer(address,uint256)
            mstore(add(m, 0x04), to)
            mstore(add(m, 0x24), amount)
            sent := call(limit, asset, 0, m, 0x44, 0x00, 0x20)
            if returndatasize() { sent := and(sent, and(eq(mload(0x00), 1), gt(returndatasize(), 0x1f))) }
        }
        if (!sent) requireGas(limit);
        else sent = Asset.balance(asset) < held;
    }

    /// @notice Reverts unless a call that has just failed had `allowance` gas: NotEnoughGas.
    /// @dev More being left than that allowance and the 63rd part that is held back proves it, whatever the call burned.
    function requireGas(uint256 allowance) internal view {
        if (gasleft() < allowance + allowance / 63 + 1) revert IRevenueSplitEvents.NotEnoughGas();
    }
}
