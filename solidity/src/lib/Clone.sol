// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title A minimal clone with one or two immutable words, which answers an empty call by itself.
/// @dev Runtime with one word, 88 bytes. The words travel behind the calldata, which costs a call 12 gas each; read back
///      from the clone's code they would cost 120.
///
///     00  36 60 05 57 00           an empty call (a plain transfer of coin) stops here, within a 2,300 gas stipend
///     05  5b 36 5f 5f 37           copy the calldata
///     0a  7f <word> 36 52          and the word behind it
///     2d  5f 5f 60 20 36 01 5f 73 <implementation> 5a f4
///     4b  3d 5f 5f 3e              copy what came back
///     4f  5f 3d 91 60 56 57 fd     revert with it …
///     56  5b f3                    … or return it
///
///      With two words, 126 bytes: 7f <word> 36 52 7f <last word> 60 20 36 01 52, and 60 40 for 60 20 after it.
///      What it is not: proof against being imitated. Called otherwise than through a clone, an implementation believes
///      whatever words the caller puts behind; so it must hold nothing itself.
library Clone {
    /// @dev The split of these terms, governance and salt is there.
    error AlreadyExists(address clone);

    /// @notice The last word of the clone this runs in.
    function lastWord() internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := calldataload(sub(calldatasize(), 0x20))
        }
    }

    /// @notice The word before the last of the clone this runs in, which must have two.
    function firstWord() internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := calldataload(sub(calldatasize(), 0x40))
        }
    }

    /// @notice Makes the clone that `code` (below) describes.
    /// @dev With such code nothing but an address already taken can fail, short of gas.
    function create(bytes memory code, bytes32 salt) internal returns (address clone) {
        assembly ("memory-safe") {
            clone := create2(0, add(code, 0x20), mload(code), salt)
        }
        if (clone == address(0)) revert AlreadyExists(predict(code, salt));
    }

    /// @notice Where `create` puts it, called by this contract.
    function predict(bytes memory code, bytes32 salt) internal view returns (address) {
        bytes32 hash = keccak256(abi.encodePacked(bytes1(0xff), address(this), salt, keccak256(code)));
        return address(uint160(uint256(hash)));
    }

    /// @notice Code that deploys a clone with one word.
    function initCode(address implementation, bytes32 word) internal pure returns (bytes memory) {
        return abi.encodePacked(
            hex"60588060095f395ff3" // return the 88 bytes behind these 9
            hex"3660055700" hex"5b365f5f37" hex"7f",
            word,
            hex"3652" hex"5f5f602036015f73",
            implementation,
            hex"5af4" hex"3d5f5f3e" hex"5f3d91605657fd" hex"5bf3"
        );
    }

    /// @notice Code that deploys a clone with two words.
    function initCode(address implementation, bytes32 first, bytes32 last) internal pure returns (bytes memory) {
        return abi.encodePacked(
            hex"607e8060095f395ff3" // return the 126 bytes behind these 9
            hex"3660055700" hex"5b365f5f37" hex"7f",
            first,
            hex"3652" hex"7f",
            last,
            hex"6020360152" hex"5f5f604036015f73",
            implementation,
            hex"5af4" hex"3d5f5f3e" hex"5f3d91607c57fd" hex"5bf3"
        );
    }
}
