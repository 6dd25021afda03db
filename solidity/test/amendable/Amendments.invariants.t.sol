// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Agreement, Agreements} from "../Agreement.sol";
import {AmendmentHandler} from "./AmendmentHandler.sol";
import {IAmendableSplit} from "revshare/amendable/IAmendableSplit.sol";

/// @title What is true of splits whose terms change, whatever anybody does (docs/invariants.md).
contract AmendmentInvariants {
    using Agreements for Agreement;

    AmendmentHandler private _handler;

    function setUp() external {
        _handler = new AmendmentHandler();
    }

    function targetContracts() external view returns (address[] memory found) {
        found = new address[](1);
        found[0] = address(_handler);
    }

    /// @notice Every promise holds.
    function invariant_everyPromise() external view {
        (uint256 s, uint256 k) = (_handler.atSplit(), _handler.atAsset());
        amendmentsNeedConsent();
        termsAreThoseAgreed(s, k);
        whatWasEarnedStaysEarned(s, k);
    }

    function afterInvariant() external view {
        for (uint256 k = 0; k < _handler.ASSETS(); ++k) {
            for (uint256 s = 0; s < _handler.SPLITS(); ++s) {
                termsAreThoseAgreed(s, k);
                whatWasEarnedStaysEarned(s, k);
            }
        }
    }

    /// @notice Without enough signatures, with spent, expired or foreign ones, or before the notice is over, nothing changes;
    ///         with them nothing stops the amendment. Terms not in force pay nobody.
    function amendmentsNeedConsent() private view {
        string memory how = _handler.broken();
        require(bytes(how).length == 0, how);
    }

    /// @notice Each asset is shared by the terms that were agreed for it, from the revenue on at which it was settled.
    function termsAreThoseAgreed(uint256 s, uint256 k) private view {
        (uint256 epoch, uint256 base, bytes32 commitment) = _handler.splits(s).termsOf(_handler.assets(k));
        require(epoch == _handler.epochOf(s, k), "the epoch of an asset");
        require(base == _handler.baseOf(s, k), "the revenue from which the terms count");
        require(commitment == _handler.terms(s, epoch).commitment(), "the terms in force for an asset");
    }

    /// @notice What a payee has got, has set aside and is due is what it earned, segment by segment, by the terms of the time:
    ///         an amendment lowers nobody's entitlement, and touches no revenue that came before it.
    function whatWasEarnedStaysEarned(uint256 s, uint256 k) private view {
        AmendmentHandler.Account[6] memory all = _handler.accounts(s, k);
        uint256 owed = 0;
        for (uint256 i = 0; i < 6; ++i) {
            require(all[i].has + all[i].credit + all[i].due == all[i].earned, "what was earned against what there is");
            owed += all[i].credit + all[i].due;
            if (all[i].inTerms) linesAddUpAcrossAmendments(all[i]);
        }
        solvencyAcrossAmendments(s, k, owed);
    }

    /// @notice entitlement = paid + credit + due by the terms in force; what is set aside from before stands apart; and what is
    ///         called paid is what the payee has got of what it earned by these terms, the oldest credit being paid first.
    function linesAddUpAcrossAmendments(AmendmentHandler.Account memory one) private pure {
        require(one.line.entitlement == one.earned - one.earnedBefore, "entitlement against the money rule");
        require(one.line.entitlement == one.line.paid + one.line.credit + one.line.due, "a line does not add up");
        require(one.line.credit + one.line.earlier == one.credit, "credits before and since");
        require(one.line.earlier == one.earlier, "what is set aside from before these terms");
        require(one.has == one.earnedBefore - one.line.earlier + one.line.paid, "paid against what arrived");
    }

    /// @notice balance ≥ Σ due + Σ credit, those who left the agreement included.
    function solvencyAcrossAmendments(uint256 s, uint256 k, uint256 owed) private view {
        require(_handler.balance(k, address(_handler.splits(s))) >= owed, "insolvent");
    }

    /// @notice The campaign does amend: this many times of a hundred tries the steps below go through.
    function test_theHandlerAmends() external {
        for (uint256 n = 0; n < 40; ++n) {
            _handler.fund(n, n, n << 8 | 60);
            _handler.amend(n, n, 1, n % 2 == 0, 13);
            _handler.propose(n, n % 2 == 0, true);
            _handler.wait_(4 days - 1);
            _handler.wait_(4 days - 1);
            _handler.apply_(n, n % 2 == 0, false);
            this.invariant_everyPromise();
        }
        require(_handler.amendments() == 80, "amendments were refused");
    }
}
