// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {AmendableState} from "./AmendableState.sol";
import {IAmendments} from "./IAmendableSplit.sol";
import {RevenueSplit} from "./RevenueSplit.sol";
import {SplitState} from "./SplitState.sol";

/// @title AmendableSplit: a RevenueSplit whose terms may change, as agreed at creation.
/// @notice Payments are differences of entitlements between two marks of revenue. So an amendment only has to bring the
///         marks up to date by the old terms, and what was earned stays earned. Tiers go on counting from the first unit
///         the split ever received.
/// @dev Every token keeps count of the amendments it has gone through, and goes through one more whenever it is distributed
///      while behind. A split that can never be amended (RevenueSplit) is 2,500 gas a call cheaper, hence a contract of its
///      own.
contract AmendableSplit is RevenueSplit, AmendableState {
    constructor(address backOffice) RevenueSplit(backOffice) {}

    /// @inheritdoc SplitState
    function _inForce(address token) internal view override(SplitState, AmendableState) returns (bytes32) {
        return AmendableState._inForce(token);
    }

    /// @inheritdoc SplitState
    function _base(address token) internal view override(SplitState, AmendableState) returns (uint256) {
        return AmendableState._base(token);
    }

    /// @inheritdoc RevenueSplit
    function _cloneWords() internal pure override returns (uint256) {
        return 2;
    }

    /// @inheritdoc RevenueSplit
    function _afterDistribution(address token, uint256 mark) internal override {
        Amendments storage amendments = _amendments();
        Standing memory standing = amendments.standings[token];
        if (standing.epoch == amendments.epoch) return;
        standing.epoch += 1;
        standing.revenue = uint128(mark);
        amendments.standings[token] = standing;
        emit IAmendments.TermsApplied(token, standing.epoch, mark);
    }
}
