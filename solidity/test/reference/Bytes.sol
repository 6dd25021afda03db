// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Bytes in memory, taken apart one by one.
library Bytes {
    /// @notice The bytes from `from` up to, and not with, `to`.
    function slice(bytes memory data, uint256 from, uint256 to) internal pure returns (bytes memory part) {
        part = new bytes(to - from);
        for (uint256 i = 0; i < part.length; ++i) {
            part[i] = data[from + i];
        }
    }

    /// @notice The number that `size` bytes from `from` on are, the most significant first.
    function number(bytes memory data, uint256 from, uint256 size) internal pure returns (uint256 value) {
        for (uint256 i = 0; i < size; ++i) {
            value = value * 256 + uint8(data[from + i]);
        }
    }
}
