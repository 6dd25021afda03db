// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title A minimal clone with one immutable argument, which answers an empty call by itself.
/// @dev Runtime, 82 bytes:
///
///     00  36 60 05 57 00        an empty call (a plain transfer of coin) stops here, well within a 2,300 gas stipend
///     05  5b 36 5f 5f 37        copy the calldata
///     0a  5f 5f 36 5f 73 <implementation> 5a f4
///     25  3d 5f 5f 3e           copy what came back
///     29  5f 3d 91 60 30 57 fd  revert with it …
///     30  5b f3                 … or return it
///     32  <argument>            32 bytes, never run
library Clone {
    uint256 private constant _ARGUMENT = 0x32;

    error AlreadyExists(address clone);

    /// @notice The argument of the clone this runs in.
    function argument() internal view returns (bytes32 value) {
        assembly ("memory-safe") {
            extcodecopy(address(), 0x00, _ARGUMENT, 0x20)
            value := mload(0x00)
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
            hex"60528060095f395ff3", // return the 82 bytes behind these 9
            hex"3660055700",
            hex"5b365f5f37",
            hex"5f5f365f73",
            implementation,
            hex"5af4",
            hex"3d5f5f3e",
            hex"5f3d91603057fd",
            hex"5bf3",
            value
        );
    }
}
