// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The libraries as contracts (Harness.sol): what the tests ask of them, who do not compile them.
interface ITermsHarness {
    function commitmentOf(bytes calldata terms) external pure returns (bytes32);
    function commitmentOfProof(bytes calldata proof, address payee)
        external
        pure
        returns (bytes32 commitment, uint256 entry);
    function validate(bytes calldata terms) external pure returns (bytes32);
}

/// @dev base ≤ from ≤ to
struct Stretch {
    address token;
    uint256 base;
    uint256 from;
    uint256 to;
}

interface IMoneyHarness {
    function earned(bytes calldata terms, uint256 i, Stretch calldata s)
        external
        pure
        returns (uint256 byPlan, uint256 byRule, bool simple);
    function run(bytes calldata terms, Stretch calldata s)
        external
        returns (uint256 stopped, uint256 sent, uint256 amount, bool called);
    function attempt(address asset, address to, uint256 amount, uint256 held) external returns (bool paid);
    function sendAll(address asset, address to, uint256 amount, uint256 held) external;
}
