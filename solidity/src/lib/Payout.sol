// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title The loop that pays: as little as can be between two payments.
/// @dev In Yul because here a hundred gas count a hundred times. It stops at the first payment that fails; the caller,
///      who has time, deals with that one and resumes behind it. Two marks of revenue mostly lie in one tier, and then
///      everything the loop needs is on the stack.
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
            // Slices behind the first begin where their tier does: of those nothing had been earned before.
            function inFurtherSlices(slice, last, entry_) -> amount {
                for {} lt(slice, last) { slice := add(slice, 0x80) } {
                    let weight := shr(224, calldataload(add(entry_, mload(slice))))
                    amount := add(amount, div(mul(mload(add(slice, 0x60)), weight), mload(add(slice, 0x20))))
                }
            }
            // `m` holds transfer's selector, and has room for its arguments.
            function transfer(token_, m, to, amount) -> done {
                mstore(add(m, 0x04), to)
                mstore(add(m, 0x24), amount)
                done := call(TOKEN_GAS, token_, 0, m, 0x44, 0x00, 0x20)
                if returndatasize() { done := and(done, and(eq(mload(0x00), 1), gt(returndatasize(), 0x1f))) }
            }
            function coinsOfOneSlice(entry_, end_, stride, place, total, from, to) -> stopped_, sent_ {
                stopped_ := entry_
                for {} 1 {} {
                    let weight := shr(224, calldataload(add(stopped_, place)))
                    let amount := sub(div(mul(to, weight), total), div(mul(from, weight), total))
                    if amount {
                        if iszero(call(COIN_GAS, shr(96, calldataload(stopped_)), amount, 0, 0, 0, 0)) { leave }
                        sent_ := add(sent_, amount)
                    }
                    stopped_ := add(stopped_, stride)
                    if eq(stopped_, end_) { leave }
                }
            }
            function anything(entry_, end_, plan_, token_) -> stopped_, sent_ {
                let m := mload(0x40)
                mstore(m, shl(224, 0xa9059cbb)) // transfer(address,uint256)
                stopped_ := entry_
                for {} 1 {} {
                    let amount := inSlice(add(plan_, 0x40), stopped_)
                    if gt(mload(add(plan_, 0x20)), add(plan_, 0xc0)) {
                        amount := add(amount, inFurtherSlices(add(plan_, 0xc0), mload(add(plan_, 0x20)), stopped_))
                    }
                    if amount {
                        let done
                        switch token_
                        case 0 { done := call(COIN_GAS, shr(96, calldataload(stopped_)), amount, 0, 0, 0, 0) }
                        default { done := transfer(token_, m, shr(96, calldataload(stopped_)), amount) }
                        if iszero(done) { leave }
                        sent_ := add(sent_, amount)
                    }
                    stopped_ := add(stopped_, mload(plan_))
                    if eq(stopped_, end_) { leave }
                }
            }
            switch or(token, gt(mload(add(plan, 0x20)), add(plan, 0xc0)))
            case 0 {
                stopped, sent :=
                    coinsOfOneSlice(
                        entry,
                        end,
                        mload(plan),
                        mload(add(plan, 0x40)),
                        mload(add(plan, 0x60)),
                        mload(add(plan, 0x80)),
                        mload(add(plan, 0xa0))
                    )
            }
            default { stopped, sent := anything(entry, end, plan, token) }
        }
    }
}
