// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Agreement, Agreements} from "./Agreement.sol";

/// @title Bytes by chance: any, and such as are nearly right.
library Chance {
    using Agreements for Agreement;

    uint256 private constant _MAX_REVENUE = 2 ** 127 - 1;

    function draw(uint256 seed, string memory what) internal pure returns (uint256) {
        return Agreements.draw(seed, what, 0);
    }

    /// @notice `length` bytes that follow from the seed.
    function bytesOf(uint256 seed, uint256 length) internal pure returns (bytes memory data) {
        data = new bytes(length);
        for (uint256 i = 0; i < length; i += 32) {
            bytes32 word = keccak256(abi.encode(seed, i));
            // The memory behind bytes belongs to them up to a whole word.
            assembly ("memory-safe") {
                mstore(add(add(data, 0x20), i), word)
            }
        }
        assembly ("memory-safe") {
            mstore(add(add(data, 0x20), length), 0)
            mstore(0x40, add(data, and(add(length, 0x5f), not(0x1f))))
        }
    }

    /// @notice Anybody, above the precompiles; no two alike.
    function people(uint256 seed, uint256 most) internal pure returns (address[] memory who) {
        who = new address[](1 + draw(seed, "payees") % most);
        for (uint256 i = 0; i < who.length; ++i) {
            who[i] = address(uint160(Agreements.draw(seed, "payee", i)));
        }
    }

    function agreement(uint256 seed, address token, uint256 payees, uint256 tiers) internal pure returns (Agreement memory) {
        uint256 wide = draw(seed, "how wide") % 3;
        uint256 most = wide == 0 ? 1_000 : wide == 1 ? 10 ** 24 : _MAX_REVENUE - 20;
        return Agreements.random(seed, token, people(seed, payees), tiers, most);
    }

    /// @notice Up to 2^127 − 1, every magnitude alike, now and then the greatest there is.
    function revenue(uint256 seed, string memory what) internal pure returns (uint256) {
        uint256 number = draw(seed, what);
        return number % 16 == 0 ? _MAX_REVENUE - (number >> 8) % 3 : (number >> 8) % 2 ** ((number >> 4) % 128);
    }

    /// @notice Bytes where terms are expected: valid ones, such that were valid once, and any others.
    function terms(uint256 seed) internal pure returns (bytes memory data) {
        uint256 kind = draw(seed, "kind of terms") % 8;
        if (kind < 3) {
            uint256 length = draw(seed, "length");
            data = bytesOf(seed, length % 64 == 0 ? (length >> 8) % 9_000 : (length >> 8) % 900);
            // Mostly such that the header is not all there is.
            if (data.length > 21 && kind < 2) data[21] = bytes1(uint8(draw(seed, "tiers") % 10));
            return data;
        }
        data = agreement(seed, address(0), 9, 8).pack();
        if (kind == 4) return cut(data, draw(seed, "cut") % data.length);
        if (kind == 5) return bytes.concat(data, bytesOf(seed, draw(seed, "more") % 200));
        if (kind > 5) flip(data, draw(seed, "flip"));
    }

    function flip(bytes memory data, uint256 which) internal pure {
        if (data.length == 0) return;
        uint256 place = (which >> 3) % data.length;
        data[place] ^= bytes1(uint8(1 << (which % 8)));
    }

    function cut(bytes memory data, uint256 length) internal pure returns (bytes memory) {
        assembly ("memory-safe") {
            mstore(data, length)
        }
        return data;
    }

    /// @notice Calldata with bytes as one of the arguments, not where a compiler would put them but `gap` bytes later, and with
    ///         anything behind.
    /// @param before The words before the offset.
    /// @param after_ The words after it.
    function calldataOf(
        bytes4 selector,
        bytes memory before,
        bytes memory data,
        bytes memory after_,
        uint256 gap,
        bytes memory behind
    ) internal pure returns (bytes memory) {
        uint256 offset = before.length + 32 + after_.length + gap;
        bytes memory head = bytes.concat(selector, before, bytes32(offset), after_);
        return bytes.concat(head, bytesOf(gap, gap), bytes32(data.length), data, behind);
    }

    /// @notice What stands behind the selector.
    function arguments(bytes memory data) internal pure returns (bytes memory rest) {
        rest = new bytes(data.length - 4);
        for (uint256 i = 0; i < rest.length; ++i) {
            rest[i] = data[i + 4];
        }
    }
}
