// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title An agreement as a test states it, and the money rule over it, written as plainly as can be.
/// @dev An oracle must share nothing with what it judges: here are no offsets, no plans, no differences of marks, only
///      one sentence about entitlements. Likewise packing, commitment and proofs are built once more from the
///      description in lib/Terms.sol.
struct Agreement {
    address token;
    address[] payees; // ascending
    uint256[] untils; // one per tier, the last 0
    uint256[][] weights; // [tier][payee]
}

library Agreements {
    uint256 internal constant MAX_REVENUE = 2 ** 127 - 1;

    // ------------------------------------------------------------------ the money rule

    /// @notice entitlement_i(R) = Σ_t floor( f_t(R) · w_ti / W_t ),   f_t(R) = min(max(R − s_t, 0), cap_t)
    function entitlement(Agreement memory a, uint256 i, address token, uint256 revenue)
        internal
        pure
        returns (uint256 units)
    {
        uint256 tiers = a.untils.length;
        if (token != a.token) return revenue * a.weights[tiers - 1][i] / total(a, tiers - 1);
        uint256 start = 0;
        for (uint256 t = 0; t < tiers; ++t) {
            uint256 filled = revenue > start ? revenue - start : 0;
            if (t + 1 < tiers) {
                uint256 cap = a.untils[t] - start;
                if (filled > cap) filled = cap;
                start = a.untils[t];
            }
            units += filled * a.weights[t][i] / total(a, t);
        }
    }

    /// @notice The same for terms that count from `base` on, where rounding begins anew.
    function entitlementSince(Agreement memory a, uint256 i, address token, uint256 base, uint256 revenue)
        internal
        pure
        returns (uint256 units)
    {
        uint256 tiers = a.untils.length;
        if (revenue <= base) return 0;
        if (token != a.token) return (revenue - base) * a.weights[tiers - 1][i] / total(a, tiers - 1);
        uint256 start = base;
        for (uint256 t = 0; t < tiers; ++t) {
            uint256 end = t + 1 < tiers && a.untils[t] < revenue ? a.untils[t] : revenue;
            if (end <= start) continue;
            units += (end - start) * a.weights[t][i] / total(a, t);
            start = end;
        }
    }

    /// @notice The most that rounding may leave over: Σ_t (n_t − 1), over the tiers that share this token.
    function dustBound(Agreement memory a, address token) internal pure returns (uint256 units) {
        uint256 last = a.untils.length - 1;
        for (uint256 t = token == a.token ? 0 : last; t <= last; ++t) {
            uint256 sharing = 0;
            for (uint256 i = 0; i < a.payees.length; ++i) {
                if (a.weights[t][i] != 0) ++sharing;
            }
            units += sharing - 1;
        }
    }

    function total(Agreement memory a, uint256 t) internal pure returns (uint256 sum) {
        for (uint256 i = 0; i < a.payees.length; ++i) {
            sum += a.weights[t][i];
        }
    }

    // ------------------------------------------------------------------ making one

    /// @notice An agreement of the right shape, with weights of nothing.
    function blank(address token, address[] memory payees, uint256 tiers) internal pure returns (Agreement memory a) {
        sort(payees);
        (a.token, a.payees, a.untils) = (token, payees, new uint256[](tiers));
        a.weights = new uint256[][](tiers);
        for (uint256 t = 0; t < tiers; ++t) {
            a.weights[t] = new uint256[](payees.length);
        }
    }

    /// @notice Any agreement between these payees: up to `maxTiers` tiers, weights large, small and none.
    function random(uint256 seed, address token, address[] memory payees, uint256 maxTiers, uint256 maxUntil)
        internal
        pure
        returns (Agreement memory a)
    {
        uint256 tiers = 1 + draw(seed, "tiers", 0) % maxTiers;
        a = blank(token, payees, tiers);
        uint256[] memory untils = new uint256[](tiers);
        for (uint256 t = 0; t < tiers; ++t) {
            // Some tiers of a few units only, where rounding shows.
            uint256 wide = draw(seed, "wide", t) % 3;
            untils[t] = 1 + draw(seed, "until", t) % (wide == 0 ? 7 : wide == 1 ? 1_000 : maxUntil);
            for (uint256 i = 0; i < payees.length; ++i) {
                uint256 kind = draw(seed, "kind", t << 16 | i) % 6;
                uint256 weight = draw(seed, "weight", t << 16 | i);
                a.weights[t][i] = kind == 0 ? 0 : kind == 1 ? weight % 2 ** 32 : 1 + weight % 9;
            }
            if (total(a, t) == 0) a.weights[t][draw(seed, "someone", t) % payees.length] = 1;
        }
        sort(untils);
        for (uint256 t = 0; t + 1 < tiers; ++t) {
            a.untils[t] = untils[t] + t; // no two alike
        }
        for (uint256 i = 0; i < payees.length; ++i) {
            uint256 sum = 0;
            for (uint256 t = 0; t < tiers; ++t) {
                sum += a.weights[t][i];
            }
            if (sum == 0) a.weights[tiers - 1][i] = 1;
        }
    }

    function draw(uint256 seed, string memory what, uint256 n) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, what, n)));
    }

    function sort(address[] memory list) internal pure {
        uint256[] memory numbers;
        assembly ("memory-safe") {
            numbers := list
        }
        sort(numbers);
    }

    function sort(uint256[] memory list) internal pure {
        for (uint256 i = 1; i < list.length; ++i) {
            for (uint256 j = i; j > 0 && list[j - 1] > list[j]; --j) {
                (list[j - 1], list[j]) = (list[j], list[j - 1]);
            }
        }
    }

    // ------------------------------------------------------------------ packing, as lib/Terms.sol describes it

    function header(Agreement memory a) internal pure returns (bytes memory packed) {
        packed = abi.encodePacked(uint8(0), a.token, uint8(a.untils.length));
        for (uint256 t = 0; t < a.untils.length; ++t) {
            packed = abi.encodePacked(packed, uint128(a.untils[t]), uint48(total(a, t)));
        }
    }

    function entry(Agreement memory a, uint256 i) internal pure returns (bytes memory) {
        return abi.encodePacked(a.payees[i], _weightsOf(a, i));
    }

    function _weightsOf(Agreement memory a, uint256 i) private pure returns (bytes memory packed) {
        for (uint256 t = 0; t < a.untils.length; ++t) {
            packed = abi.encodePacked(packed, uint32(a.weights[t][i]));
        }
    }

    function pack(Agreement memory a) internal pure returns (bytes memory packed) {
        packed = header(a);
        for (uint256 i = 0; i < a.payees.length; ++i) {
            packed = bytes.concat(packed, entry(a, i));
        }
    }

    /// @dev Bytes of the packed terms.
    function length(Agreement memory a) internal pure returns (uint256) {
        uint256 tiers = a.untils.length;
        return 22 * (1 + tiers) + a.payees.length * (20 + 4 * tiers);
    }

    function commitment(Agreement memory a) internal pure returns (bytes32) {
        bytes32[] memory level = leaves(a);
        while (level.length > 1) {
            level = above(level);
        }
        return keccak256(abi.encodePacked(uint8(2), level[0], length(a), header(a)));
    }

    function proof(Agreement memory a, uint256 i) internal pure returns (bytes memory) {
        uint256 first = i / 4 * 4;
        uint256 end = first + 4 < a.payees.length ? first + 4 : a.payees.length;
        bytes memory page;
        for (uint256 j = first; j < end; ++j) {
            page = bytes.concat(page, j == i ? bytes("") : abi.encodePacked(a.payees[j]), _weightsOf(a, j));
        }
        bytes memory siblings;
        uint256 sides = 0;
        bytes32[] memory level = leaves(a);
        for (uint256 n = i / 4; level.length > 1; n /= 2) {
            uint256 sibling = n % 2 == 0 ? n + 1 : n - 1;
            if (sibling < level.length) {
                if (sibling < n) sides += 2 ** (siblings.length / 32);
                siblings = bytes.concat(siblings, level[sibling]);
            }
            level = above(level);
        }
        bytes memory place = abi.encodePacked(uint8(16 * (end - first) + i % 4), uint16(sides));
        return abi.encodePacked(uint32(length(a)), header(a), place, page, siblings);
    }

    function leaves(Agreement memory a) internal pure returns (bytes32[] memory level) {
        level = new bytes32[]((a.payees.length + 3) / 4);
        for (uint256 p = 0; p < level.length; ++p) {
            bytes memory page = hex"00";
            for (uint256 i = 4 * p; i < 4 * p + 4 && i < a.payees.length; ++i) {
                page = bytes.concat(page, entry(a, i));
            }
            level[p] = keccak256(page);
        }
    }

    function above(bytes32[] memory level) internal pure returns (bytes32[] memory next) {
        next = new bytes32[]((level.length + 1) / 2);
        for (uint256 n = 0; n < next.length; ++n) {
            bool alone = 2 * n + 1 == level.length;
            next[n] = alone ? level[2 * n] : keccak256(abi.encodePacked(uint8(1), level[2 * n], level[2 * n + 1]));
        }
    }
}
