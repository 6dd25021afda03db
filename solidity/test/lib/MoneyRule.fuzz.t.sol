// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Agreement, Agreements} from "../Agreement.sol";
import {Chance} from "../Chance.sol";
import {IMoneyHarness, Stretch} from "./IHarness.sol";
import {PlainMoneyRule} from "../reference/PlainMoneyRule.sol";
import {vm} from "../Vm.sol";

/// @title The money rule is the one that reference/PlainMoneyRule.sol states: 1 to 8 tiers, all revenue that is counted, from
///        whatever base, in the settlement token and any other.
contract MoneyRuleFuzz {
    using Agreements for Agreement;

    IMoneyHarness private _library;
    PlainMoneyRule private _plain;

    function setUp() external {
        (_library, _plain) = (IMoneyHarness(vm.deployCode("Harness.sol:MoneyHarness")), new PlainMoneyRule());
    }

    function testFuzz_theRuleIsPlain(uint256 seed) external view {
        address settlement = address(uint160(Chance.draw(seed, "token") % 3));
        Agreement memory a = Chance.agreement(seed, settlement, 4, 8);
        bytes memory terms = a.pack();
        Stretch memory s = _stretch(seed, a);
        for (uint256 k = 0; k < 2; ++k) {
            s.token = k == 0 ? settlement : address(uint160(settlement) ^ 1);
            uint256 touched = 0;
            for (uint256 t = 0; t < a.untils.length; ++t) {
                uint256 before = _plain.filled(terms, t, s.token, s.base, s.from);
                if (_plain.filled(terms, t, s.token, s.base, s.to) != before) ++touched;
            }
            _holds(terms, a, s, touched);
        }
    }

    function _holds(bytes memory terms, Agreement memory a, Stretch memory s, uint256 touched) private view {
        uint256 sum = 0;
        for (uint256 i = 0; i < a.payees.length; ++i) {
            uint256 plain = _plain.earned(terms, i, s.token, s.base, s.from, s.to);
            (uint256 byPlan, uint256 byRule, bool simple) = _library.earned(terms, i, s);
            require(byRule == plain, "the rule");
            require(byPlan == plain, "the plan");
            require(simple == (touched == 1), "the number of slices");
            uint256 before = a.entitlementSince(i, s.token, s.base, s.from);
            require(before + plain == a.entitlementSince(i, s.token, s.base, s.to), "the other model");
            sum += before + plain;
        }
        require(sum <= s.to - s.base, "more is earned than came in");
    }

    /// @dev Often at the edges of tiers, or a unit beside them.
    function _stretch(uint256 seed, Agreement memory a) private pure returns (Stretch memory s) {
        uint256[] memory all = new uint256[](3);
        for (uint256 n = 0; n < 3; ++n) {
            uint256 how = Agreements.draw(seed, "mark", n);
            all[n] = Chance.revenue(how, "anywhere");
            if (how % 2 == 0) all[n] = a.untils[(how >> 8) % a.untils.length] + (how >> 16) % 3;
            if (how % 2 == 0 && all[n] != 0) --all[n];
            if (how % 16 == 1) all[n] = 0;
        }
        Agreements.sort(all);
        (s.base, s.from, s.to) = (all[0], all[1], all[2]);
        if (seed % 2 == 0) s.base = 0;
        if (seed % 4 == 1) s.from = s.base;
    }
}
