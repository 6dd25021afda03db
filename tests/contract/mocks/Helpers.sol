// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

interface IBalanceOf {
    function balanceOf(address who) external view returns (uint256);
}

/// @title Many balances in one call.
contract Reader {
    function balances(address token, address[] calldata whose) external view returns (uint256[] memory units) {
        units = new uint256[](whose.length);
        for (uint256 i = 0; i < whose.length; ++i) {
            units[i] = token == address(0) ? whose[i].balance : IBalanceOf(token).balanceOf(whose[i]);
        }
    }
}

/// @title Pays as old contracts do: with Solidity's `transfer`, whose recipient gets 2,300 gas.
contract Stipend {
    function pay(address payable to) external payable {
        to.transfer(msg.value);
    }
}
