// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What the contracts' assembly is held against: the same functions as their documentation states them.
/// @dev Of bytes in memory, by loops over bytes: nothing here is clever, and nothing reads beyond what it was given.
library Plain {
    uint256 internal constant ENTRIES_A_PAGE = 4;

    function slice(bytes memory data, uint256 from, uint256 to) internal pure returns (bytes memory part) {
        part = new bytes(to - from);
        for (uint256 i = from; i < to; ++i) {
            part[i - from] = data[i];
        }
    }

    // ------------------------------------------------------------------ lib/Terms.sol

    function leafOf(bytes memory page) internal pure returns (bytes32) {
        return keccak256(bytes.concat(hex"00", page));
    }

    function nodeOf(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return keccak256(bytes.concat(hex"01", left, right));
    }

    function sealOf(bytes32 root, uint256 length, bytes memory header) internal pure returns (bytes32) {
        return keccak256(bytes.concat(hex"02", root, bytes32(length), header));
    }

    /// @dev The commitment to bytes whose tier count, at byte 21, is `tiers` (zero if there are fewer bytes).
    function commitmentOf(bytes memory terms, uint256 tiers) internal pure returns (bytes32) {
        uint256 head = 22 * (tiers + 1);
        if (head >= terms.length) return sealOf(0, terms.length, terms);
        uint256 full = ENTRIES_A_PAGE * (20 + 4 * tiers);
        uint256 count = (terms.length - head + full - 1) / full;
        bytes32[] memory nodes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 from = head + i * full;
            nodes[i] = leafOf(slice(terms, from, from + full < terms.length ? from + full : terms.length));
        }
        for (; count > 1; count = (count + 1) / 2) {
            for (uint256 i = 0; i < count; i += 2) {
                nodes[i / 2] = i + 1 < count ? nodeOf(nodes[i], nodes[i + 1]) : nodes[i];
            }
        }
        return sealOf(nodes[0], terms.length, slice(terms, 0, head));
    }
}
