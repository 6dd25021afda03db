// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Clone} from "../lib/Clone.sol";
import {SplitState} from "./SplitState.sol";

/// @title Terms that never change: the clone's own code says which they are, for every asset from the first unit on.
abstract contract FixedTerms is SplitState {
    /// @inheritdoc SplitState
    function _latest() internal pure override returns (bytes32) {
        return Clone.lastWord();
    }

    /// @inheritdoc SplitState
    function _inForce(address) internal pure override returns (bytes32) {
        return Clone.lastWord();
    }

    /// @inheritdoc SplitState
    function _base(address) internal pure override returns (uint256) {
        return 0;
    }

    /// @inheritdoc SplitState
    function _samePayees(address) internal pure override returns (bool) {
        return true;
    }

    /// @inheritdoc SplitState
    function _afterDistribution(address, uint256) internal override {}

    /// @inheritdoc SplitState
    function _afterCredit(address, address, uint256) internal override {}

    /// @inheritdoc SplitState
    function _earlierCredit(address, address, uint256) internal pure override returns (uint256) {
        return 0;
    }
}
