// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title The money rule: what a payee earns between two marks of revenue.
/// @notice
///     entitlement_i(R) = Σ_t floor( f_t(R) · w_ti / W_t ),     f_t(R) = min(max(R − s_t, 0), cap_t)
///
/// Payments are differences of entitlements, which makes them independent of when and how often money is shared.
/// @dev A plan is the part of the rule that all payees have in common, in memory: the slices of tiers that the revenue
///      between the marks touches (mostly one).
///
///     plan := stride(32) ‖ end of slices(32) ‖ slices
///     slice := offset of the weight in an entry(32) ‖ W(32) ‖ f(from)(32) ‖ f(to)(32)
library MoneyRule {
    /// @param token What is shared: only the settlement token fills the tiers, any other is shared by the last alone.
    /// @param base Revenue from which these terms count: 0, or where the last amendment left off. What is earned under them
    ///        is rounded from there, so that it never exceeds what has come in since, whatever the terms before rounded.
    /// @dev Needs base ≤ from < to ≤ MAX_REVENUE; there is then at least one slice.
    function plan(uint256 header, address token, uint256 base, uint256 from, uint256 to)
        internal
        pure
        returns (uint256 p)
    {
        assembly ("memory-safe") {
            p := mload(0x40)
            let tiers := byte(21, calldataload(header))
            mstore(p, add(20, shl(2, tiers)))
            let slice := add(p, 0x40)
            let offset := 20
            let start := base
            if xor(token, shr(96, calldataload(add(header, 1)))) {
                offset := add(16, shl(2, tiers))
                header := add(header, mul(22, sub(tiers, 1)))
            }
            for {} 1 {} {
                header := add(header, 22)
                let word := calldataload(header)
                let until := shr(128, word)
                if iszero(until) { until := not(0) }
                if lt(from, until) {
                    mstore(slice, offset)
                    mstore(add(slice, 0x20), and(shr(80, word), 0xffffffffffff))
                    mstore(add(slice, 0x40), mul(gt(from, start), sub(from, start)))
                    if iszero(gt(to, until)) {
                        mstore(add(slice, 0x60), sub(to, start))
                        break
                    }
                    mstore(add(slice, 0x60), sub(until, start))
                    slice := add(slice, 0x80)
                }
                if gt(until, start) { start := until }
                offset := add(offset, 4)
            }
            slice := add(slice, 0x80)
            mstore(add(p, 0x20), slice)
            mstore(0x40, slice)
        }
    }

    /// @dev Bytes of an entry.
    function strideOf(uint256 p) internal pure returns (uint256 stride) {
        assembly ("memory-safe") {
            stride := mload(p)
        }
    }

    /// @notice What the payee at `entry` earns by a plan: Σ floor(f(to)·w / W) − floor(f(from)·w / W).
    /// @dev Products stay below 2^127 · 2^32, and a growing function's floors do not fall.
    function earned(uint256 p, uint256 entry) internal pure returns (uint256 amount) {
        assembly ("memory-safe") {
            for { let slice := add(p, 0x40) } lt(slice, mload(add(p, 0x20))) { slice := add(slice, 0x80) } {
                let weight := shr(224, calldataload(add(entry, mload(slice))))
                let total := mload(add(slice, 0x20))
                amount := add(amount, div(mul(mload(add(slice, 0x60)), weight), total))
                amount := sub(amount, div(mul(mload(add(slice, 0x40)), weight), total))
            }
        }
    }

    /// @notice What the payee at `entry` earns between two marks: 0 when revenue has not grown.
    function earnedBetween(
        uint256 header,
        uint256 entry,
        address token,
        uint256 base,
        uint256 from,
        uint256 to
    )
        internal
        pure
        returns (uint256 amount)
    {
        if (from < to) amount = earnedAlone(header, entry, token, base, from, to);
    }

    /// @notice The same where from < to: what `plan` and `earned` say for all, for one payee and without memory.
    function earnedAlone(
        uint256 header,
        uint256 entry,
        address token,
        uint256 base,
        uint256 from,
        uint256 to
    )
        internal
        pure
        returns (uint256 amount)
    {
        assembly ("memory-safe") {
            let tier := add(header, 22)
            let weights := add(entry, 20)
            let start := base
            let others := sub(byte(21, calldataload(header)), 1)
            // One tier is the same for every token.
            if others {
                switch xor(token, shr(96, calldataload(add(header, 1))))
                case 0 {
                    for {} 1 {} {
                        let word := calldataload(tier)
                        let until := shr(128, word)
                        // The tier that `to` is in. Less one, since 0 stands for no end.
                        if iszero(lt(sub(until, 1), sub(to, 1))) { break }
                        if lt(from, until) {
                            let weight := shr(224, calldataload(weights))
                            let total := and(shr(80, word), 0xffffffffffff)
                            amount := add(amount, div(mul(sub(until, start), weight), total))
                            amount := sub(amount, div(mul(sub(from, start), weight), total))
                            from := until
                        }
                        if gt(until, start) { start := until }
                        tier := add(tier, 22)
                        weights := add(weights, 4)
                    }
                }
                default {
                    tier := add(tier, mul(22, others))
                    weights := add(weights, shl(2, others))
                }
            }
            let weight := shr(224, calldataload(weights))
            let total := and(shr(80, calldataload(tier)), 0xffffffffffff)
            amount := add(amount, div(mul(sub(to, start), weight), total))
            amount := sub(amount, div(mul(sub(from, start), weight), total))
        }
    }
}
