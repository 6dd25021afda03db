// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title How a split's terms may be changed, in one word: kind(1) ‖ quorum(2) ‖ notice(4) ‖ zeros(5) ‖ controller(20).
/// @dev `quorum`      kind 1: hundredths of a percent of the last tier's weight, 1 to 10,000; 10,000 is unanimity.
///      `notice`      kind 2: seconds between announcement and amendment.
///      `controller`  kind 2: the first controller.
///      What a kind does not use is zero.
type Governance is bytes32;

using {kind, quorum, notice, firstController, isValid} for Governance global;

uint256 constant QUORUM = 1;
uint256 constant CONTROLLER = 2;
uint256 constant UNANIMOUS = 10_000;

function kind(Governance governance) pure returns (uint256) {
    return uint256(Governance.unwrap(governance)) >> 248;
}

function quorum(Governance governance) pure returns (uint256) {
    return uint16(uint256(Governance.unwrap(governance)) >> 232);
}

function notice(Governance governance) pure returns (uint256) {
    return uint32(uint256(Governance.unwrap(governance)) >> 200);
}

function firstController(Governance governance) pure returns (address) {
    return address(uint160(uint256(Governance.unwrap(governance))));
}

function isValid(Governance governance) pure returns (bool) {
    uint256 q = governance.quorum();
    uint256 seconds_ = governance.notice();
    address controller = governance.firstController();
    if (uint40(uint256(Governance.unwrap(governance)) >> 160) != 0) return false;
    if (governance.kind() == QUORUM) return q != 0 && q <= UNANIMOUS && seconds_ == 0 && controller == address(0);
    if (governance.kind() == CONTROLLER) return q == 0 && seconds_ != 0 && controller != address(0);
    return false;
}
