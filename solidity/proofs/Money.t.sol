// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Anything} from "./Anything.sol";
import {PlainMoneyRule} from "tests/reference/PlainMoneyRule.sol";
import {Shipped} from "./Shipped.sol";
import {anyOf, both, svm, vm} from "./Cheats.sol";

interface IRule {
    function earned(bytes calldata terms, uint256 i, address token, uint256 base, uint256 from, uint256 to)
        external
        view
        returns (uint256);
    function pay(bytes calldata terms, uint256 i, address token, uint256 base, uint256 from, uint256 to, address asset)
        external
        returns (uint256 amount);
}

/// @title lib/MoneyRule.sol and lib/Payout.sol reckon as the money rule is stated.
/// @dev Terms of two payees; tiers, totals and weights may be anything, as may the marks up to the greatest revenue that is
///      counted. Products and quotients stay what they are, of the same factors in the same places: nothing is multiplied
///      out, and nothing need be. What is not proved here is that the plain statement gets through, whose arithmetic is
///      checked: that products are small enough, and that no floor falls, is proved in tests/proofs/test_rounding.py.
/// @custom:halmos --solver-timeout-branching 1s
contract MoneyProof {
    uint256 private constant MAX_REVENUE = 2 ** 127 - 1;

    IRule internal rule = IRule(Shipped.deploy("Rule", ""));
    PlainMoneyRule internal plain = new PlainMoneyRule();
    Anything internal token = new Anything();
    Anything internal alice = new Anything();
    Anything internal bob = new Anything();

    struct Case {
        bytes terms;
        address token;
        uint256 base;
        uint256 from;
        uint256 to;
    }

    function check_in_one_tier_the_rule_is_the_plain_one() external {
        _isPlain(_any(1, true));
    }

    function check_in_two_tiers_the_rule_is_the_plain_one() external {
        _isPlain(_any(2, true));
    }

    function check_in_another_asset_the_rule_is_the_plain_one() external {
        _isPlain(_any(2, false));
    }

    function check_long_in_three_tiers_the_rule_is_the_plain_one() external {
        _isPlain(_any(3, true));
    }

    function check_in_one_tier_what_is_paid_is_the_rules() external {
        _isPaid(_any(1, true));
    }

    function check_in_two_tiers_what_is_paid_is_the_rules() external {
        _isPaid(_any(2, true));
    }

    function check_in_another_asset_what_is_paid_is_the_rules() external {
        _isPaid(_any(2, false));
    }

    function check_long_in_three_tiers_what_is_paid_is_the_rules() external {
        _isPaid(_any(3, true));
    }

    function _isPlain(Case memory c) private view {
        uint256 i = 1;
        uint256 said = plain.earned(c.terms, i, c.token, c.base, c.from, c.to);
        assert(rule.earned(c.terms, i, c.token, c.base, c.from, c.to) == said);
    }

    /// @dev In coin and in tokens, whether it can be delivered or not.
    function _isPaid(Case memory c) private {
        vm.assume(c.from < c.to);
        vm.deal(address(rule), MAX_REVENUE);
        uint256 said = rule.earned(c.terms, 1, c.token, c.base, c.from, c.to);
        address asset = svm.createBool("coin") ? address(0) : address(token);
        assert(rule.pay(c.terms, 1, c.token, c.base, c.from, c.to, asset) == said);
    }

    function _any(uint256 tiers, bool settles) private returns (Case memory c) {
        c.token = address(token);
        c.terms = bytes.concat(hex"00", bytes20(settles ? address(token) : address(0)), bytes1(uint8(tiers)));
        uint256 last = 0;
        for (uint256 t = 0; t < tiers; ++t) {
            uint256 until = t + 1 == tiers ? 0 : uint128(svm.createUint256("until"));
            if (t + 1 < tiers) vm.assume(both(until > last, until < MAX_REVENUE));
            last = until;
            uint48 total = uint48(svm.createUint256("total"));
            vm.assume(total != 0);
            c.terms = bytes.concat(c.terms, bytes16(uint128(until)), bytes6(total));
        }
        c.terms = bytes.concat(c.terms, bytes20(address(alice)), svm.createBytes(4 * tiers, "weights"));
        c.terms = bytes.concat(c.terms, bytes20(address(bob)), svm.createBytes(4 * tiers, "weights"));
        (c.base, c.from, c.to) = (svm.createUint256("base"), svm.createUint256("from"), svm.createUint256("to"));
        vm.assume(both(c.base <= c.from, both(c.from <= MAX_REVENUE, c.to <= MAX_REVENUE)));
    }
}
