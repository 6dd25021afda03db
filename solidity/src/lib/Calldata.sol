// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Reading calldata by offsets, for loops in which a bounds check a payee would count.
/// @dev Bytes behind the calldata read as zero. Whoever uses this has compared what it reads with a commitment.
library Calldata {
    /// @notice The 32 bytes from `offset` on.
    function word(uint256 offset) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := calldataload(offset)
        }
    }

    /// @notice Where the bytes begin.
    function start(bytes calldata data) internal pure returns (uint256 offset) {
        assembly ("memory-safe") {
            offset := data.offset
        }
    }
}
