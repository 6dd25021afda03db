// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Merkle proofs over sorted pairs.
/// @notice node := keccak256( smaller child ‖ greater child ), an odd one is carried up as it is: what OpenZeppelin's
///         MerkleProof verifies and revshare.merkle.MerkleTree builds.
/// @dev A leaf must be the hash of something that is not 64 bytes long, or an inner node could pass for one.
library MerkleProof {
    /// @notice The root that `leaf` and its siblings, from the leaf upwards, lead to.
    function rootOf(bytes32[] calldata siblings, bytes32 leaf) internal pure returns (bytes32 node) {
        node = leaf;
        unchecked {
            for (uint256 i = 0; i < siblings.length; ++i) {
                bytes32 sibling = siblings[i];
                node = node < sibling ? _pair(node, sibling) : _pair(sibling, node);
            }
        }
    }

    function _pair(bytes32 smaller, bytes32 greater) private pure returns (bytes32 node) {
        assembly ("memory-safe") {
            mstore(0x00, smaller)
            mstore(0x20, greater)
            node := keccak256(0x00, 0x40)
        }
    }
}
