// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AmendableBackOffice} from "../amendable/AmendableBackOffice.sol";
import {AmendableSplit} from "../amendable/AmendableSplit.sol";
import {Clone} from "../lib/Clone.sol";
import {Governance} from "../lib/Governance.sol";
import {IRevenueSplitPayouts} from "./IRevenueSplit.sol";
import {BackOffice, RevenueSplit} from "./RevenueSplit.sol";
import {Terms} from "../lib/Terms.sol";

/// @title RevenueSplitFactory: makes splits at addresses known, and payable, before they exist.
/// @notice A split's address follows from its terms, its governance and a salt, whoever creates it: money can be sent there
///         first, and the split be created by anyone when it is needed. No owner, no fee, no state.
contract RevenueSplitFactory {
    /// @notice The code behind every split that is never amended.
    address public immutable implementation = address(new RevenueSplit(address(new BackOffice())));

    /// @notice The code behind every split that can be amended.
    address public immutable amendableImplementation =
        address(new AmendableSplit(address(new AmendableBackOffice())));

    /// @notice One distribution of many.
    struct Distribution {
        address split;
        bytes terms;
        address token;
    }

    /// @notice A split was created. `terms` is what `distribute` asks for.
    event SplitCreated(address indexed split, bytes32 indexed commitment, uint64 salt, bytes terms);

    /// @notice A split was created that can be amended under `governance` (lib/Governance.sol).
    event AmendableSplitCreated(
        address indexed split, bytes32 indexed commitment, bytes32 governance, uint64 salt, bytes terms
    );

    /// @dev Not a governance there is (lib/Governance.sol).
    error InvalidGovernance(bytes32 governance);

    /// @notice Creates the split of these terms, which never change.
    /// @param terms Packed terms (lib/Terms.sol), checked completely.
    /// @param salt Tells apart splits of the same terms.
    /// @dev Look first whether it exists: on an address already taken CREATE2 burns 63/64 of the gas sent along.
    ///      Reverts: AlreadyExists, and for bad terms TermsLength, UnknownFormat, TierCount, TierOutOfOrder, TierTotal,
    ///      EntriesLength, PayeeOutOfOrder, PayeeWithoutWeight.
    function create(bytes calldata terms, uint64 salt) external returns (address split) {
        bytes32 commitment = Terms.validate(terms);
        split = Clone.create(Clone.initCode(implementation, commitment, salt), salt);
        emit SplitCreated(split, commitment, salt, terms);
    }

    /// @notice Where the split of these terms is or will be. What was sent there is lost only if the terms are: keep them.
    /// @dev Reverts for bad terms as `create` does, so that nobody pays an address that can never be created.
    function predict(bytes calldata terms, uint64 salt) external view returns (address) {
        return Clone.predict(Clone.initCode(implementation, Terms.validate(terms), salt), salt);
    }

    /// @notice Creates the split of these terms, to be amended under `governance`.
    /// @dev Reverts as `create` does, and InvalidGovernance.
    function createAmendable(bytes calldata terms, bytes32 governance, uint64 salt) external returns (address split) {
        bytes32 commitment = Terms.validate(terms);
        split = Clone.create(_amendableCode(commitment, governance, salt), salt);
        emit AmendableSplitCreated(split, commitment, governance, salt, terms);
    }

    /// @notice Where the split of these terms and this governance is or will be.
    /// @dev Reverts as `createAmendable` does.
    function predictAmendable(bytes calldata terms, bytes32 governance, uint64 salt) external view returns (address) {
        return Clone.predict(_amendableCode(Terms.validate(terms), governance, salt), salt);
    }

    /// @notice Whether this factory made the split at `account`, so that its terms were checked and its code is this code.
    function isSplit(address account) external view returns (bool) {
        return Clone.isOwn(account, implementation, amendableImplementation);
    }

    function _amendableCode(bytes32 commitment, bytes32 governance, uint64 salt) private view returns (bytes memory) {
        if (!Governance.wrap(governance).isValid()) revert InvalidGovernance(governance);
        return Clone.initCode(amendableImplementation, governance, commitment, salt);
    }

    /// @notice Distributes one split after another, in the order given: a split first, then those it pays.
    /// @dev Reverts as the first of them does. Trusts none of them: this contract holds nothing and may do nothing.
    function distributeAll(Distribution[] calldata distributions) external {
        for (uint256 i = 0; i < distributions.length; ++i) {
            IRevenueSplitPayouts(distributions[i].split).distribute(distributions[i].terms, distributions[i].token);
        }
    }
}
