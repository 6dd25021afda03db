// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The cheatcodes that the proofs use, and no others: forge's, as far as halmos has them …
interface Vm {
    function assume(bool condition) external pure;
    function deal(address who, uint256 coin) external;
    function getCode(string calldata path) external view returns (bytes memory);
    function load(address who, bytes32 slot) external view returns (bytes32);
    function prank(address sender) external;
    function store(address who, bytes32 slot, bytes32 word) external;
    function warp(uint256 time) external;
}

/// @title … and halmos's own: values that may be anything.
interface Svm {
    function createAddress(string calldata name) external returns (address);
    function createBool(string calldata name) external returns (bool);
    function createBytes(uint256 size, string calldata name) external returns (bytes memory);
    function createBytes32(string calldata name) external returns (bytes32);
    function createUint256(string calldata name) external returns (uint256);
    /// @dev Every word of the account's storage may be anything from here on.
    function enableSymbolicStorage(address who) external;
}

Vm constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
Svm constant svm = Svm(0xF3993A62377BCd56AE39D773740A5390411E8BC9);

// Conditions without a jump: halmos follows both sides of each `&&`, `||` and `?:` as paths of their own, and every path
// once more through all that comes after.

function both(bool a, bool b) pure returns (bool c) {
    assembly ("memory-safe") {
        c := and(a, b)
    }
}

function either(bool a, bool b) pure returns (bool c) {
    assembly ("memory-safe") {
        c := or(a, b)
    }
}

/// @dev Any number below `n`, each in a path of its own: for what must be known to be followed, such as lengths.
function anyOf(uint256 n) returns (uint256 i) {
    while (i + 1 < n) {
        if (svm.createBool("this_one")) return i;
        ++i;
    }
}
