// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Clone} from "../lib/Clone.sol";
import {Governance} from "../lib/Governance.sol";
import {IAmendments} from "./IAmendableSplit.sol";
import {SplitState} from "../split/SplitState.sol";

/// @title Which terms count for which asset, from which revenue on.
/// @notice Payments are differences of entitlements between two marks of revenue. So an amendment only has to bring the
///         marks up to date by the old terms, and what was earned stays earned. Every asset keeps count of the amendments
///         it has gone through, and goes through one more whenever it is distributed while behind.
/// @dev Each amendment begins an epoch; epoch 0 has the terms in the clone's code.
abstract contract AmendableTerms is SplitState {
    /// @dev Through how many amendments an asset has gone, and its revenue when it went through the last.
    struct Standing {
        uint64 epoch;
        uint128 revenue;
    }

    /// @dev What was set aside for a payee since the amendment that began this epoch; of epoch 0 nothing is kept.
    struct Since {
        uint64 epoch;
        uint128 credited;
    }

    uint256 internal _epoch;
    mapping(uint256 epoch => bytes32) internal _commitments;
    mapping(address asset => Standing) internal _standings;
    mapping(address asset => mapping(address payee => Since)) private _since;

    function _governance() internal pure returns (Governance) {
        return Governance.wrap(Clone.firstWord());
    }

    function _commitmentOf(uint256 epoch_) internal view returns (bytes32) {
        return epoch_ == 0 ? Clone.lastWord() : _commitments[epoch_];
    }

    /// @inheritdoc SplitState
    function _latest() internal view override returns (bytes32) {
        return _commitmentOf(_epoch);
    }

    /// @inheritdoc SplitState
    function _inForce(address asset) internal view override returns (bytes32) {
        return _commitmentOf(_standings[asset].epoch);
    }

    /// @inheritdoc SplitState
    function _base(address asset) internal view override returns (uint256) {
        return _standings[asset].revenue;
    }

    /// @inheritdoc SplitState
    /// @dev Amendments may have dropped a payee whose own mark lies far ahead, and may bring it back.
    function _samePayees(address asset) internal view override returns (bool) {
        return _standings[asset].epoch == 0;
    }

    /// @inheritdoc SplitState
    function _afterDistribution(address asset, uint256 mark) internal override {
        Standing memory standing = _standings[asset];
        if (standing.epoch == _epoch) return;
        standing.epoch += 1;
        standing.revenue = uint128(mark);
        _standings[asset] = standing;
        emit IAmendments.TermsApplied(asset, standing.epoch, mark);
    }

    /// @inheritdoc SplitState
    function _afterCredit(address asset, address payee, uint256 amount) internal override {
        uint64 epoch_ = _standings[asset].epoch;
        // Until an asset's first amendment all of a credit is of these terms, and a distribution to hundreds that sets
        // everything aside has no gas for a word more of each.
        if (epoch_ == 0) return;
        Since storage since = _since[asset][payee];
        if (since.epoch != epoch_) (since.epoch, since.credited) = (epoch_, 0);
        since.credited += uint128(amount);
    }

    /// @inheritdoc SplitState
    /// @dev What is oldest is withdrawn first.
    function _earlierCredit(address asset, address payee, uint256 credit) internal view override returns (uint256) {
        uint64 epoch_ = _standings[asset].epoch;
        if (epoch_ == 0) return 0;
        Since memory since = _since[asset][payee];
        uint256 own = since.epoch == epoch_ ? since.credited : 0;
        return credit > own ? credit - own : 0;
    }
}
