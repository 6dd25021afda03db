// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title The loop that pays: as little as can be between two payments.
/// @dev Kept in Yul because here a hundred gas count a hundred times. It stops at the first payment that fails, and the
///      caller, who has time, deals with that one and resumes behind it.
library Payout {
    /// @dev Enough for a wallet behind proxies or a nested split; little enough that a payee that burns it all cannot
    ///      make a distribution to a hundred others impossible.
    uint256 internal constant COIN_GAS = 50000;
    /// @dev Proxied, rebasing and hooked tokens fit; a hook that burns everything is stopped here.
    uint256 internal constant TOKEN_GAS = 200000;

    /// @notice Pays the payees from `entry` on what they earn by `plan` (lib/MoneyRule.sol), until the end or a failure.
    /// @return stopped The entry whose payment failed, or `end`.
    /// @return sent Units paid before it.
    /// @dev Transfers of nothing are left out: they are noise, and refused by some tokens. Return data is not copied
    ///      beyond one word. A token's success is no answer at all, or `true`.
    function run(uint256 plan, uint256 entry, uint256 end, address token)
        internal
        returns (uint256 stopped, uint256 sent)
    {
        assembly ("memory-safe") {
            function inSlice(slice, entry_) -> amount {
                let weight := shr(224, calldataload(add(entry_, mload(slice))))
                let total := mload(add(slice, 0x20))
                amount :=
                    sub(
                        div(mul(mload(add(slice, 0x60)), weight), total),
                        div(mul(mload(add(slice, 0x40)), weight), total)
                    )
            }
            function inOthers(slice, last, entry_) -> amount {
                for {} lt(slice, last) { slice := add(slice, 0x80) } { amount := add(amount, inSlice(slice, entry_)) }
            }
            function coins(plan_, entry_, end_) -> stopped_, sent_ {
                stopped_ := entry_
                for {} 1 {} {
                    let amount := inSlice(add(plan_, 0x40), stopped_)
                    if gt(mload(add(plan_, 0x20)), add(plan_, 0xc0)) {
                        amount := add(amount, inOthers(add(plan_, 0xc0), mload(add(plan_, 0x20)), stopped_))
                    }
                    if amount {
                        if iszero(call(COIN_GAS, shr(96, calldataload(stopped_)), amount, 0, 0, 0, 0)) { leave }
                        sent_ := add(sent_, amount)
                    }
                    stopped_ := add(stopped_, mload(plan_))
                    if eq(stopped_, end_) { leave }
                }
            }
            function tokens(plan_, entry_, end_, token_) -> stopped_, sent_ {
                let m := mload(0x40)
                mstore(m, shl(224, 0xa9059cbb)) // transfer(address,uint256)
                stopped_ := entry_
                for {} 1 {} {
                    let amount := inSlice(add(plan_, 0x40), stopped_)
                    if gt(mload(add(plan_, 0x20)), add(plan_, 0xc0)) {
                        amount := add(amount, inOthers(add(plan_, 0xc0), mload(add(plan_, 0x20)), stopped_))
                    }
                    if amount {
                        mstore(add(m, 0x04), shr(96, calldataload(stopped_)))
                        mstore(add(m, 0x24), amount)
                        if iszero(call(TOKEN_GAS, token_, 0, m, 0x44, 0x00, 0x20)) { leave }
                        if returndatasize() {
                            if iszero(and(eq(mload(0x00), 1), gt(returndatasize(), 0x1f))) { leave }
                        }
                        sent_ := add(sent_, amount)
                    }
                    stopped_ := add(stopped_, mload(plan_))
                    if eq(stopped_, end_) { leave }
                }
            }
            switch token
            case 0 { stopped, sent := coins(plan, entry, end) }
            default { stopped, sent := tokens(plan, entry, end, token) }
        }
    }
}
