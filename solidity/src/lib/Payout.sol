// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Asset} from "./Asset.sol";
import {COIN_GAS, Delivery} from "./Delivery.sol";
import {MoneyRule} from "./MoneyRule.sol";
import {Terms} from "./Terms.sol";

/// @title The loop that pays.
/// @notice It stops at the first payment that was no clean success (the table in Delivery.sol); the caller, who has time,
///         deals with that one and resumes behind it. Transfers of nothing are left out: they are noise, and refused by some
///         tokens.
library Payout {
    /// @notice Pays the payees from `entry` on what they earn by `plan` (MoneyRule.sol), until the end or a failure.
    /// @param stride Bytes of an entry.
    /// @return stopped The entry whose payment failed, or `end`.
    /// @return sent Units paid before it.
    /// @return amount What the payee at `stopped` earns.
    /// @return called Whether the failed call came back without a revert.
    function run(uint256 plan, uint256 entry, uint256 end, uint256 stride, address token)
        internal
        returns (uint256 stopped, uint256 sent, uint256 amount, bool called)
    {
        if (token == Asset.COIN && MoneyRule.isSimple(plan)) {
            (stopped, sent, amount) = _coinsOfOneSlice(plan, entry, end, stride);
            return (stopped, sent, amount, false);
        }
        unchecked {
            uint256 allowance = Delivery.allowance(token);
            for (stopped = entry; stopped != end; stopped += stride) {
                amount = MoneyRule.earnedBy(plan, stopped);
                if (amount == 0) continue;
                bool clean;
                (called, clean) = Delivery.send(token, Terms.payeeAt(stopped), amount, allowance);
                if (!clean) return (stopped, sent, amount, called);
                sent += amount;
            }
        }
    }

    /// @dev The same for coin and a plan of one slice, which most distributions are: with the slice on the stack a payee
    ///      costs some 250 gas less, more than two per cent of a distribution to a hundred. test/reference/PlainPayout.sol
    ///      says it plainly, and is held against it.
    function _coinsOfOneSlice(uint256 plan, uint256 entry, uint256 end, uint256 stride)
        private
        returns (uint256 stopped, uint256 sent, uint256 amount)
    {
        assembly ("memory-safe") {
            let place := mload(add(plan, 0x20))
            let total := mload(add(plan, 0x40))
            let from := mload(add(plan, 0x60))
            let to := mload(add(plan, 0x80))
            for { stopped := entry } lt(stopped, end) { stopped := add(stopped, stride) } {
                let weight := shr(224, calldataload(add(stopped, place)))
                amount := sub(div(mul(to, weight), total), div(mul(from, weight), total))
                if amount {
                    if iszero(call(COIN_GAS, shr(96, calldataload(stopped)), amount, 0, 0, 0, 0)) { break }
                    sent := add(sent, amount)
                }
            }
        }
    }
}
