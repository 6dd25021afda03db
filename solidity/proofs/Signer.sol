// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {both, svm} from "./Cheats.sol";

/// @title A payee that signs anything but one digest, unless it signs that as well: ERC-1271 answers of any kind.
contract Signer {
    bytes32 private digest;
    bool private signs;

    receive() external payable {}

    function say(bytes32 digest_, bool signs_) external {
        (digest, signs) = (digest_, signs_);
    }

    /// @dev Without a jump: each would double the paths of all that comes after. Nor a product: halmos looks into it too late.
    function isValidSignature(bytes32 hash, bytes calldata) external returns (bytes32 answer) {
        bool refuses = both(hash == digest, !signs);
        uint256 word = svm.createUint256("answer");
        assembly ("memory-safe") {
            answer := and(sub(refuses, 1), word)
        }
    }
}
