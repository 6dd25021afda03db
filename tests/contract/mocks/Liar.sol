// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A token that moves what it is told to, and answers `transfer` with whatever it was told to answer.
contract Liar {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    uint256 public word = 1;
    uint256 public length = 32;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function answer(uint256 word_, uint256 length_) external {
        (word, length) = (word_, length_);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
        return true;
    }

    function transfer(address to, uint256 amount) external {
        _move(msg.sender, to, amount);
        (uint256 word_, uint256 length_) = (word, length);
        assembly {
            mstore(0, word_)
            return(0, length_)
        }
    }

    function _move(address from, address to, uint256 amount) private {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}
