// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What the tests ask of RevenueSplitFactory, whose source they do not compile.
interface IFactory {
    event SplitCreated(address indexed split, bytes32 indexed commitment, bytes32 salt, bytes terms);

    error AlreadyExists(address clone);
    error TermsTooShort(uint256 length);
    error UnknownKind(uint256 kind);
    error TierCount(uint256 tiers);
    error TierOutOfOrder(uint256 tier);
    error TierTotal(uint256 tier, uint256 stated, uint256 actual);
    error EntriesLength(uint256 length, uint256 stride);
    error PayeeOutOfOrder(uint256 index);
    error PayeeWithoutWeight(uint256 index);

    function create(bytes calldata terms, bytes32 salt) external returns (address split);
    function predict(bytes calldata terms, bytes32 salt) external view returns (address);
    function createAmendable(bytes calldata terms, bytes32 governance, bytes32 salt) external returns (address split);
    function predictAmendable(bytes calldata terms, bytes32 governance, bytes32 salt) external view returns (address);
    function implementation() external view returns (address);
}
