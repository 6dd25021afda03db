// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {COIN_GAS, TOKEN_GAS} from "./Delivery.sol";

/// @title The loop that pays: as little as can be between two payments.
/// @dev In Yul because here a hundred gas count a hundred times; test/reference/PlainPayout.sol says the same plainly, and is
///      held against it. It stops at the first payment that was no clean success (the table in Delivery.sol); the caller,
///      who has time, deals with that one and resumes behind it.
library Payout {
    /// @notice Pays the payees from `entry` on what they earn by `plan` (MoneyRule.sol), until the end or a failure.
    /// @return stopped The entry whose payment failed, or `end`.
    /// @return sent Units paid before it.
    /// @return amount What the payee at `stopped` earns.
    /// @return called Whether the failed call came back without a revert.
    /// @dev Transfers of nothing are left out: they are noise, and refused by some tokens. Return data is not copied
    ///      beyond one word. That a token has code is known here: it has answered `balanceOf` before.
    function run(uint256 plan, uint256 entry, uint256 end, address token)
        internal
        returns (uint256 stopped, uint256 sent, uint256 amount, bool called)
    {
        assembly ("memory-safe") {
            function inSlice(slice, entry_) -> amount_ {
                let weight := shr(224, calldataload(add(entry_, mload(slice))))
                let total := mload(add(slice, 0x20))
                amount_ := div(mul(mload(add(slice, 0x60)), weight), total)
                amount_ := sub(amount_, div(mul(mload(add(slice, 0x40)), weight), total))
            }
            function transfer(token_, m, to, amount_) -> called_, clean {
                mstore(add(m, 0x04), to)
                mstore(add(m, 0x24), amount_)
                called_ := call(TOKEN_GAS, token_, 0, m, 0x44, 0x00, 0x20)
                clean := called_
                if returndatasize() { clean := and(clean, and(eq(mload(0x00), 1), gt(returndatasize(), 0x1f))) }
            }
            // Most distributions are of coin and touch one slice: with that slice on the stack a payee costs 190 gas less,
            // nearly two per cent of a distribution to a hundred.
            function coinsOfOneSlice(slice, entry_, end_, stride) -> stopped_, sent_, amount_ {
                let place := mload(slice)
                let total := mload(add(slice, 0x20))
                let from := mload(add(slice, 0x40))
                let to := mload(add(slice, 0x60))
                stopped_ := entry_
                for {} lt(stopped_, end_) { stopped_ := add(stopped_, stride) } {
                    let weight := shr(224, calldataload(add(stopped_, place)))
                    amount_ := sub(div(mul(to, weight), total), div(mul(from, weight), total))
                    if amount_ {
                        if iszero(call(COIN_GAS, shr(96, calldataload(stopped_)), amount_, 0, 0, 0, 0)) { leave }
                        sent_ := add(sent_, amount_)
                    }
                }
            }
            function anything(plan_, entry_, end_, token_) -> stopped_, sent_, amount_, called_ {
                let m := mload(0x40)
                mstore(m, shl(224, 0xa9059cbb)) // transfer(address,uint256)
                stopped_ := entry_
                for {} lt(stopped_, end_) { stopped_ := add(stopped_, mload(plan_)) } {
                    amount_ := inSlice(add(plan_, 0x40), stopped_)
                    for { let slice := add(plan_, 0xc0) } lt(slice, mload(add(plan_, 0x20))) { slice := add(slice, 0x80) } {
                        amount_ := add(amount_, inSlice(slice, stopped_))
                    }
                    if amount_ {
                        let clean
                        switch token_
                        case 0 {
                            called_ := call(COIN_GAS, shr(96, calldataload(stopped_)), amount_, 0, 0, 0, 0)
                            clean := called_
                        }
                        default { called_, clean := transfer(token_, m, shr(96, calldataload(stopped_)), amount_) }
                        if iszero(clean) { leave }
                        sent_ := add(sent_, amount_)
                    }
                }
            }
            switch or(token, gt(mload(add(plan, 0x20)), add(plan, 0xc0)))
            case 0 { stopped, sent, amount := coinsOfOneSlice(add(plan, 0x40), entry, end, mload(plan)) }
            default { stopped, sent, amount, called := anything(plan, entry, end, token) }
        }
    }
}
