// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A payee that asks somebody something whenever coin reaches it, and keeps the whole answer.
contract Witness {
    bool public refuses;
    address public whom;
    bytes public question;
    bytes public seen;

    receive() external payable {
        require(!refuses, "not today");
        if (whom == address(0)) return;
        (bool answered, bytes memory answer) = whom.staticcall(question);
        require(answered, "no answer");
        seen = answer;
    }

    function refuse(bool refuses_) external {
        refuses = refuses_;
    }

    function watch(address whom_, bytes calldata question_) external {
        (whom, question) = (whom_, question_);
    }
}
