// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PlainTerms} from "./PlainTerms.sol";

/// @title NOT IN USE, AND BROKEN: the layout of commitments before December 2026, kept to see that the tests notice.
/// @notice Nodes did not begin with a byte of their own, and the length was not committed to. So the 63 bytes of a node behind
///         its first byte, if that was zero, were a page with the node's very hash: other terms with the same commitment.
contract OldTerms is PlainTerms {
    function nodeOf(bytes32 left, bytes32 right) internal virtual override returns (bytes32) {
        return hash(bytes.concat(left, right));
    }

    function sealOf(bytes32 root, uint256, bytes memory header) internal virtual override returns (bytes32) {
        return hash(bytes.concat(root, header));
    }
}
