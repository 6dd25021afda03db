// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev A token as Tether's: it returns nothing, and refuses to change an allowance that is not zero.
contract TetherLike {
    string public symbol = "USDT";
    uint8 public constant decimals = 6;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        require(amount == 0 || allowance[msg.sender][spender] == 0);
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @dev A token older than the standard's last word: its symbol is 32 bytes.
contract MakerLike {
    bytes32 public constant symbol = "MKR";
    uint256 public constant decimals = 18;
    mapping(address => uint256) public balanceOf;
}
