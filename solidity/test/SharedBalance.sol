// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "./Vm.sol";

/// @title Leaves coin at an address without calling it.
contract Push {
    constructor(address payable to) payable {
        selfdestruct(to);
    }
}

/// @title A token whose balances are those of the coin, as the coins of some chains are tokens as well.
/// @dev Whose coin is moved is made to move it by itself (`prank`), so that what is undone is undone as a whole.
contract CoinAlias {
    mapping(address => mapping(address => uint256)) public allowance;

    function balanceOf(address who) external view returns (uint256) {
        return who.balance;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        _move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
        return true;
    }

    function _move(address from, address to, uint256 amount) private {
        require(from.balance >= amount, "balance");
        vm.prank(from);
        new Push{value: amount}(payable(to));
    }
}

/// @title One sheet of balances behind two tokens (Face).
contract Sheet {
    mapping(address => uint256) public held;
    address public immutable one = address(new Face());
    address public immutable two = address(new Face());

    function mint(address to, uint256 amount) external {
        held[to] += amount;
    }

    function move(address from, address to, uint256 amount) external {
        require(msg.sender == one || msg.sender == two, "not a face");
        held[from] -= amount;
        held[to] += amount;
    }
}

/// @title One of the two addresses of a double-entry token. It may refuse to pay somebody.
contract Face {
    Sheet private immutable _SHEET = Sheet(msg.sender);
    address public refused;

    function refuse(address who) external {
        refused = who;
    }

    function balanceOf(address who) external view returns (uint256) {
        return _SHEET.held(who);
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        require(to != refused, "refused");
        _SHEET.move(msg.sender, to, amount);
        return true;
    }
}
