// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title One lock for each asset, held while the asset is being moved.
/// @notice Between a payment and its entry in the books, the books are wrong for whoever acts on them, as for whoever only
///         looks. So each function that moves an asset, or reads its books, first asks that the asset's lock is free.
///         Money in another asset may move meanwhile; only while anything else is paid than what a split settles in, that
///         waits, and the coin (SplitState.sol).
/// @dev EIP-1153, in the slot that is the asset's address: a lock never outlives its transaction.
library Lock {
    /// @dev A call came in, or a question, while the same asset was being moved.
    error Reentered();

    function isTaken(address asset) internal view returns (bool taken) {
        assembly ("memory-safe") {
            taken := tload(asset)
        }
    }

    /// @dev Reverts: Reentered.
    function requireFree(address asset) internal view {
        if (isTaken(asset)) revert Reentered();
    }

    /// @dev Only where `requireFree` has just been asked.
    function take(address asset) internal {
        assembly ("memory-safe") {
            tstore(asset, 1)
        }
    }

    function release(address asset) internal {
        assembly ("memory-safe") {
            tstore(asset, 0)
        }
    }
}
