// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What the tests ask of RevenueSplitFactory, whose source they do not compile.
/// @dev It refuses bad terms with the errors of lib/Terms.sol.
interface IFactory {
    event SplitCreated(address indexed split, bytes32 indexed commitment, uint64 salt, bytes terms);

    function create(bytes calldata terms, uint64 salt) external returns (address split);
    function predict(bytes calldata terms, uint64 salt) external view returns (address);
    function createAmendable(bytes calldata terms, bytes32 governance, uint64 salt) external returns (address split);
    function predictAmendable(bytes calldata terms, bytes32 governance, uint64 salt) external view returns (address);
    function isSplit(address account) external view returns (bool);
    function implementation() external view returns (address);
}
