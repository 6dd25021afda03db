// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {BackOffice} from "./BackOffice.sol";
import {Clone} from "./lib/Clone.sol";
import {RevenueSplit} from "./RevenueSplit.sol";
import {Terms} from "./lib/Terms.sol";

/// @title RevenueSplitFactory: makes splits at addresses known, and payable, before they exist.
/// @notice A split's address follows from its terms and a salt, whoever creates it: money can be sent there first and
///         the split be created by anyone when it is needed. No owner, no fee, no state.
contract RevenueSplitFactory {
    /// @notice The code behind every split.
    address public immutable implementation = address(new RevenueSplit(address(new BackOffice())));

    /// @notice A split was created. `terms` is what `distribute` asks for.
    event SplitCreated(address indexed split, bytes32 indexed commitment, bytes32 salt, bytes terms);

    /// @notice Creates the split of these terms.
    /// @param terms Packed terms (lib/Terms.sol), checked completely.
    /// @param salt Tells apart splits of the same terms.
    /// @dev Reverts: AlreadyExists, and for bad terms TermsTooShort, UnknownKind, TierCount, TierOutOfOrder, TierTotal,
    ///      EntriesLength, PayeeOutOfOrder, PayeeWithoutWeight.
    function create(bytes calldata terms, bytes32 salt) external returns (address split) {
        bytes32 commitment = Terms.validate(terms);
        split = Clone.create(Clone.initCode(implementation, commitment), salt);
        emit SplitCreated(split, commitment, salt, terms);
    }

    /// @notice Where the split of these terms is or will be. Money sent there can be lost only if the terms are: keep them.
    /// @dev Reverts for bad terms as `create` does, so that nobody pays an address that can never be created.
    function predict(bytes calldata terms, bytes32 salt) external view returns (address) {
        return Clone.predict(Clone.initCode(implementation, Terms.validate(terms)), salt);
    }
}
