// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Terms} from "./Terms.sol";

/// @title The money rule: what a payee earns between two marks of revenue.
/// @notice
///     entitlement_i(R) = Σ_t floor( f_t(R) · w_ti / W_t ),     f_t(R) = min(max(R − s_t, 0), cap_t)
///
/// Payments are differences of entitlements, which makes them independent of when and how often money is shared. Only the
/// settlement token fills the tiers; any other asset is shared by the last tier alone.
///
/// `base` is the revenue from which these terms count: 0, or where the last amendment left off. What is earned under them is
/// rounded from there, so that it never exceeds what has come in since, whatever the terms before rounded.
/// @dev Products stay below 2^127 · 2^32, and a growing function's floors do not fall.
library MoneyRule {
    /// @notice The part of the rule that all payees have in common, in memory: the slices of tiers that the revenue between
    ///         the marks touches (mostly one), for the loop in Payout.sol.
    ///
    ///     plan  := end of slices(32) ‖ slices
    ///     slice := offset of the weight in an entry(32) ‖ W(32) ‖ f(from)(32) ‖ f(to)(32)
    ///
    /// @dev Needs base ≤ from < to ≤ MAX_REVENUE; there is then at least one slice.
    function plan(uint256 header, address token, uint256 base, uint256 from, uint256 to)
        internal
        pure
        returns (uint256 p)
    {
        uint256 tiers = Terms.tierCount(header);
        uint256 t = 0;
        unchecked {
            if (token != Terms.settlementToken(header)) t = tiers - 1;
        }
        assembly ("memory-safe") {
            p := mload(0x40)
            let slice := add(p, 0x20)
            let start := base
            for {} 1 {} {
                let word := calldataload(add(header, mul(22, add(t, 1))))
                let until := shr(128, word)
                if iszero(until) { until := not(0) } // the last tier has no end
                if lt(from, until) {
                    mstore(slice, add(20, shl(2, t)))
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
                t := add(t, 1)
            }
            slice := add(slice, 0x80)
            mstore(p, slice)
            mstore(0x40, slice)
        }
    }

    /// @notice What the payee at `entry` earns by a plan.
    function earnedBy(uint256 p, uint256 entry) internal pure returns (uint256 amount) {
        assembly ("memory-safe") {
            for { let slice := add(p, 0x20) } lt(slice, mload(p)) { slice := add(slice, 0x80) } {
                let weight := shr(224, calldataload(add(entry, mload(slice))))
                let total := mload(add(slice, 0x20))
                let before := div(mul(mload(add(slice, 0x40)), weight), total)
                amount := add(amount, sub(div(mul(mload(add(slice, 0x60)), weight), total), before))
            }
        }
    }

    /// @notice Whether a plan has one slice.
    function isSimple(uint256 p) internal pure returns (bool simple) {
        assembly ("memory-safe") {
            simple := eq(mload(p), add(p, 0xa0))
        }
    }

    /// @notice What the payee at `entry` earns between two marks: 0 when revenue has not grown.
    /// @dev The rule as it is written: tests and proofs hold `plan` and Payout.sol to it.
    function earned(uint256 header, uint256 entry, address token, uint256 base, uint256 from, uint256 to)
        internal
        pure
        returns (uint256 amount)
    {
        if (from >= to) return 0;
        unchecked {
            uint256 last = Terms.tierCount(header) - 1;
            uint256 start = base;
            uint256 t = token == Terms.settlementToken(header) ? 0 : last;
            for (; t != last; ++t) {
                (uint256 until,) = Terms.tier(header, t);
                if (to <= until) break;
                if (from < until) {
                    amount += _inTier(header, entry, t, start, from, until);
                    from = until;
                }
                if (until > start) start = until;
            }
            amount += _inTier(header, entry, t, start, from, to);
        }
    }

    /// @dev What the payee earns of tier `t`, which starts at `start`, between two marks within it.
    function _inTier(uint256 header, uint256 entry, uint256 t, uint256 start, uint256 from, uint256 to)
        private
        pure
        returns (uint256)
    {
        unchecked {
            (, uint256 total) = Terms.tier(header, t);
            uint256 weight = Terms.weightAt(entry, t);
            uint256 before = from > start ? _share(from - start, weight, total) : 0;
            return _share(to - start, weight, total) - before;
        }
    }

    /// @dev floor(f · w / W); W is not zero in terms that were accepted, so that nobody need ask.
    function _share(uint256 f, uint256 w, uint256 total) private pure returns (uint256 share) {
        assembly ("memory-safe") {
            share := div(mul(f, w), total)
        }
    }
}
