// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Clone} from "./lib/Clone.sol";
import {Governance} from "./lib/Governance.sol";
import {SplitState} from "./SplitState.sol";

/// @title What the front and the back office of an AmendableSplit have in common besides SplitState.
/// @dev Storage: an ERC-7201 namespace, for slots with small numbers belong to tokens of that address. Each amendment begins
///      an epoch; epoch 0 has the terms in the clone's code.
abstract contract AmendableState is SplitState {
    /// @dev Through how many amendments a token has gone, and its revenue when it went through the last.
    struct Standing {
        uint64 epoch;
        uint128 revenue;
    }

    /// @custom:storage-location erc7201:revshare.amendments
    struct Amendments {
        uint256 epoch;
        mapping(uint256 epoch => bytes32) commitments;
        mapping(address token => Standing) standings;
        bytes32 proposed;
        uint256 readyAt;
        address controller;
        address successor;
    }

    function _amendments() internal pure returns (Amendments storage amendments) {
        assembly ("memory-safe") {
            // keccak256(abi.encode(uint256(keccak256("revshare.amendments")) - 1)) & ~bytes32(uint256(0xff))
            amendments.slot := 0xaedcb7260062f360ff23c9670dbdb30ac34cc7eb3a93ca26076322ae85430a00
        }
    }

    function _governance() internal pure returns (Governance) {
        return Governance.wrap(Clone.firstWord());
    }

    function _commitmentOf(uint256 epoch) internal view returns (bytes32) {
        return epoch == 0 ? Clone.lastWord() : _amendments().commitments[epoch];
    }

    /// @inheritdoc SplitState
    function _inForce(address token) internal view virtual override returns (bytes32) {
        return _commitmentOf(_amendments().standings[token].epoch);
    }

    /// @inheritdoc SplitState
    function _base(address token) internal view virtual override returns (uint256) {
        return _amendments().standings[token].revenue;
    }
}
