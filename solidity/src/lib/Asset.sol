// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IRevenueSplitEvents} from "../IRevenueSplit.sol";

/// @title The chain's coin and ERC-20 tokens, alike.
/// @dev What comes in is measured by balances. Return data is not copied beyond one word.
library Asset {
    address internal constant COIN = address(0);

    /// @notice Units this contract holds.
    function balance(address asset) internal view returns (uint256 units) {
        if (asset == COIN) return address(this).balance;
        bool answered;
        assembly ("memory-safe") {
            mstore(0x00, 0x70a08231) // balanceOf(address)
            mstore(0x20, address())
            // Yul evaluates from the right: the call is made before its answer is measured.
            answered := and(gt(returndatasize(), 0x1f), staticcall(gas(), asset, 0x1c, 0x24, 0x00, 0x20))
            units := mload(0x00)
        }
        if (!answered) revert IRevenueSplitEvents.NotAToken(asset);
    }

    /// @notice Sends with all the gas there is.
    /// @return sent Whether it may be said to have arrived: for a token, no answer at all, or `true`.
    function send(address asset, address to, uint256 amount) internal returns (bool sent) {
        assembly ("memory-safe") {
            switch asset
            case 0 { sent := call(gas(), to, amount, 0, 0, 0, 0) }
            default {
                let m := mload(0x40)
                mstore(m, shl(224, 0xa9059cbb)) // transfer(address,uint256)
                mstore(add(m, 0x04), to)
                mstore(add(m, 0x24), amount)
                sent := call(gas(), asset, 0, m, 0x44, 0x00, 0x20)
                if returndatasize() { sent := and(sent, and(eq(mload(0x00), 1), gt(returndatasize(), 0x1f))) }
            }
        }
    }

    /// @notice Draws tokens in.
    /// @return arrived By how much the balance grew: less than `amount` when the token takes a fee.
    function pull(address token, address from, uint256 amount) internal returns (uint256 arrived) {
        uint256 held = balance(token);
        bool called;
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, shl(224, 0x23b872dd)) // transferFrom(address,address,uint256)
            mstore(add(m, 0x04), from)
            mstore(add(m, 0x24), address())
            mstore(add(m, 0x44), amount)
            called := call(gas(), token, 0, m, 0x64, 0, 0)
        }
        uint256 holds = balance(token);
        if (!called || holds <= held) revert IRevenueSplitEvents.PaymentRefused(token, from, amount);
        unchecked {
            arrived = holds - held;
        }
    }
}
