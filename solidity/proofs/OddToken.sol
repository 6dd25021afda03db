// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A token of which everybody holds the same: a balance, and another after a transfer. It answers a transfer with any
///        bytes of a known number, or reverts with them; what is held it says, or not.
contract OddToken {
    bool private reverts;
    bool private says;
    uint256 private size;
    uint256 private word;
    uint256 private balance;
    uint256 private after_;

    function behave(bool reverts_, uint256 size_, uint256 word_) external {
        (reverts, size, word) = (reverts_, size_, word_);
    }

    function hold(uint256 before, uint256 then, bool says_) external {
        (balance, after_, says) = (before, then, says_);
    }

    function transfer(address, uint256) external {
        (bool reverts_, uint256 size_, uint256 word_) = (reverts, size, word);
        balance = after_;
        assembly ("memory-safe") {
            mstore(0x00, word_)
            mstore(0x20, not(0))
            if reverts_ { revert(0x00, size_) }
            return(0x00, size_)
        }
    }

    function balanceOf(address) external view returns (uint256) {
        require(says);
        return balance;
    }
}
