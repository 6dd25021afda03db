// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {svm} from "./Cheats.sol";

/// @title Somebody else's contract, which may say and do anything in its own name: a token, a payee, a signer, a split.
/// @dev Every answer is a fresh unknown word and every call may fail. While it is called it may make one call of its own,
///      which the proof chooses.
contract Anything {
    address private target;
    uint256 private coinInside;
    bytes private inside;
    bool public insideSucceeded;

    receive() external payable {
        _anything();
    }

    /// @dev What it will call while it is called.
    function callInside(address target_, uint256 coin, bytes calldata data) external {
        (target, coinInside, inside) = (target_, coin, data);
    }

    /// @dev Makes a call as itself.
    function act(address target_, bytes calldata data) external returns (bool done) {
        (done,) = target_.call(data);
    }

    function balanceOf(address) external returns (uint256) {
        return svm.createUint256("balance");
    }

    function allowance(address, address) external returns (uint256) {
        return svm.createUint256("allowance");
    }

    function approve(address, uint256) external returns (bytes32) {
        return _answer();
    }

    function transferFrom(address, address, uint256) external returns (bytes32) {
        return _answer();
    }

    function transfer(address, uint256) external virtual returns (bytes32) {
        return _answer();
    }

    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) external {
        _anything();
    }

    function pay(bytes32, address, uint256) external payable {
        _anything();
    }

    /// @dev ERC-1271.
    function isValidSignature(bytes32, bytes calldata) external returns (bytes32) {
        return svm.createBytes32("signature_is_valid");
    }

    function _answer() internal returns (bytes32) {
        _anything();
        return svm.createBytes32("answer");
    }

    function _anything() private {
        if (target != address(0)) {
            (bool done,) = target.call{value: coinInside}(inside);
            if (done) insideSucceeded = true;
        }
        if (svm.createBool("reverts")) revert();
    }
}
