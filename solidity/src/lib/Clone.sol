// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Calldata} from "./Calldata.sol";

/// @title A minimal clone with one or two immutable words, which answers an empty call by itself.
/// @dev Runtime with one word, 96 bytes. The word travels behind the calldata, which costs a call 12 gas; read back from
///      the clone's code it would cost 120.
///
///     00  36 60 05 57 00           an empty call (a plain transfer of coin) stops here, within a 2,300 gas stipend
///     05  5b 36 5f 5f 37           copy the calldata
///     0a  7f <word> 36 52          and the word behind it
///     2d  5f 5f 60 20 36 01 5f 73 <implementation> 5a f4
///     4b  3d 5f 5f 3e              copy what came back
///     4f  5f 3d 91 60 56 57 fd     revert with it …
///     56  5b f3                    … or return it
///     58  <salt>                   8 bytes that are never run: with them the factory can tell that it made this clone
///
///      With two words, 134 bytes: 7f <word> 36 52 7f <last word> 60 20 36 01 52, and 60 40 for 60 20 after it.
///      A call cut short by 32 bytes reads a word of the clone as its last argument: as good as saying it.
///      What it is not: proof against being imitated. Called otherwise than through a clone, an implementation believes
///      whatever words the caller puts behind; so it must hold nothing itself.
library Clone {
    uint256 private constant _WORD = 0x0b; // where the only or first word stands
    uint256 private constant _LAST_OF_TWO = 0x2e;
    uint256 private constant _LENGTH_OF_ONE = 96;
    uint256 private constant _LENGTH_OF_TWO = 134;

    /// @dev The split of these terms, governance and salt is there.
    error AlreadyExists(address clone);

    /// @notice The last word of the clone this runs in.
    function lastWord() internal pure returns (bytes32) {
        unchecked {
            return bytes32(Calldata.word(msg.data.length - 32));
        }
    }

    /// @notice The word before the last of the clone this runs in, which must have two.
    function firstWord() internal pure returns (bytes32) {
        unchecked {
            return bytes32(Calldata.word(msg.data.length - 64));
        }
    }

    /// @notice Makes the clone that `code` (below) describes.
    /// @dev With such code nothing but an address already taken can fail, short of gas.
    function create(bytes memory code, uint64 salt) internal returns (address clone) {
        assembly ("memory-safe") {
            clone := create2(0, add(code, 0x20), mload(code), salt)
        }
        if (clone == address(0)) revert AlreadyExists(predict(code, salt));
    }

    /// @notice Where `create` puts it, called by this contract.
    function predict(bytes memory code, uint64 salt) internal view returns (address) {
        bytes32 hash = keccak256(abi.encodePacked(bytes1(0xff), address(this), uint256(salt), keccak256(code)));
        return address(uint160(uint256(hash)));
    }

    /// @notice Code that deploys a clone with one word.
    function initCode(address implementation, bytes32 word, uint64 salt) internal pure returns (bytes memory) {
        return abi.encodePacked(
            hex"60608060095f395ff3" // return the 96 bytes behind these 9
            hex"3660055700" hex"5b365f5f37" hex"7f",
            word,
            hex"3652" hex"5f5f602036015f73",
            implementation,
            hex"5af4" hex"3d5f5f3e" hex"5f3d91605657fd" hex"5bf3",
            salt
        );
    }

    /// @notice Code that deploys a clone with two words.
    function initCode(address implementation, bytes32 first, bytes32 last, uint64 salt)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(
            hex"60868060095f395ff3" // return the 134 bytes behind these 9
            hex"3660055700" hex"5b365f5f37" hex"7f",
            first,
            hex"3652" hex"7f",
            last,
            hex"6020360152" hex"5f5f604036015f73",
            implementation,
            hex"5af4" hex"3d5f5f3e" hex"5f3d91607c57fd" hex"5bf3",
            salt
        );
    }

    /// @notice Whether this contract made the clone at `account`, of one of these implementations.
    /// @dev Its code says with which words and salt it would have been made; nobody else can make anything at that address.
    function isOwn(address account, address ofOneWord, address ofTwoWords) internal view returns (bool) {
        bytes memory code = account.code;
        if (code.length == _LENGTH_OF_ONE) {
            uint64 salt = _saltIn(code);
            return predict(initCode(ofOneWord, _wordIn(code, _WORD), salt), salt) == account;
        }
        if (code.length == _LENGTH_OF_TWO) {
            uint64 salt = _saltIn(code);
            bytes memory made = initCode(ofTwoWords, _wordIn(code, _WORD), _wordIn(code, _LAST_OF_TWO), salt);
            return predict(made, salt) == account;
        }
        return false;
    }

    function _saltIn(bytes memory code) private pure returns (uint64) {
        return uint64(uint256(_wordIn(code, code.length - 32)));
    }

    function _wordIn(bytes memory code, uint256 place) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(add(add(code, 0x20), place))
        }
    }
}
