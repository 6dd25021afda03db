// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PlainTerms} from "./PlainTerms.sol";

/// @title The money rule (lib/MoneyRule.sol), said plainly.
/// @notice
///     entitlement_i(R) = Σ_t floor( f_t(R) · w_ti / W_t )
///
///     f_t(R)  what of the revenue from `base` up to R falls into tier t
///
/// Only the settlement token fills the tiers; of any other asset all falls into the last one. What is earned between two marks
/// is the difference of the entitlements at the two.
contract PlainMoneyRule is PlainTerms {
    /// @notice What the i-th payee earns between two marks, by terms that count from `base` on; 0 if revenue has not grown.
    function earned(bytes memory terms, uint256 i, address token, uint256 base, uint256 from, uint256 to)
        public
        pure
        returns (uint256)
    {
        if (to <= from) return 0;
        return entitlement(terms, i, token, base, to) - entitlement(terms, i, token, base, from);
    }

    function entitlement(bytes memory terms, uint256 i, address token, uint256 base, uint256 revenue)
        public
        pure
        returns (uint256 units)
    {
        for (uint256 t = 0; t < tierCount(terms); ++t) {
            uint256 share = filled(terms, t, token, base, revenue) * weightAt(terms, i, t);
            units += share / totalOf(terms, t);
        }
    }

    /// @notice f_t(R)
    function filled(bytes memory terms, uint256 t, address token, uint256 base, uint256 revenue)
        public
        pure
        returns (uint256)
    {
        bool last = t + 1 == tierCount(terms);
        if (token != settlementToken(terms)) return last && revenue > base ? revenue - base : 0;
        uint256 start = t == 0 ? 0 : untilOf(terms, t - 1);
        uint256 end = last ? revenue : untilOf(terms, t);
        if (start < base) start = base;
        if (end > revenue) end = revenue;
        return end > start ? end - start : 0;
    }
}
