// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title A minimal clone with one immutable argument, which answers an empty call by itself.
/// @dev Runtime, 88 bytes. The argument travels behind the calldata, which costs a call 12 gas; read back from the
///      clone's code it would cost 120.
///
///     00  36 60 05 57 00           an empty call (a plain transfer of coin) stops here, within a 2,300 gas stipend
///     05  5b 36 5f 5f 37           copy the calldata
///     0a  7f <argument> 36 52      and the argument behind it
///     2d  5f 5f 60 20 36 01 5f 73 <implementation> 5a f4
///     4b  3d 5f 5f 3e              copy what came back
///     4f  5f 3d 91 60 56 57 fd     revert with it …
///     56  5b f3                    … or return it
library Clone {
    error AlreadyExists(address clone);

    /// @notice The argument of the clone this runs in. Called otherwise than through a clone, whatever the caller says.
    function argument() internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := calldataload(sub(calldatasize(), 0x20))
        }
    }

    function create(address implementation, bytes32 value, bytes32 salt) internal returns (address clone) {
        bytes memory code = initCode(implementation, value);
        assembly ("memory-safe") {
            clone := create2(0, add(code, 0x20), mload(code), salt)
        }
        // With this init code nothing but an address already taken can fail, short of gas.
        if (clone == address(0)) revert AlreadyExists(predict(implementation, value, salt, address(this)));
    }

    function predict(address implementation, bytes32 value, bytes32 salt, address deployer)
        internal
        pure
        returns (address)
    {
        return address(
            uint160(
                uint256(
                    keccak256(
                        abi.encodePacked(bytes1(0xff), deployer, salt, keccak256(initCode(implementation, value)))
                    )
                )
            )
        );
    }

    function initCode(address implementation, bytes32 value) internal pure returns (bytes memory) {
        return abi.encodePacked(
            hex"60588060095f395ff3", // return the 88 bytes behind these 9
            hex"3660055700",
            hex"5b365f5f37",
            hex"7f",
            value,
            hex"3652",
            hex"5f5f602036015f73",
            implementation,
            hex"5af4",
            hex"3d5f5f3e",
            hex"5f3d91605657fd",
            hex"5bf3"
        );
    }
}
