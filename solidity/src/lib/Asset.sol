// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title The chain's coin and ERC-20 tokens, alike: what is held, and what comes in.
/// @dev What goes out is Delivery.sol. What comes in is measured by balances.
library Asset {
    address internal constant COIN = address(0);

    /// @dev `token` does not answer `balanceOf`.
    error NotAToken(address token);
    /// @dev The payer's tokens could not be moved: allowance, balance or the token's own refusal.
    error PaymentRefused(address token, address payer, uint256 amount);

    /// @notice Units this contract holds.
    /// @dev Reverts: NotAToken, also where there is no code. (The precompiled contracts 2 to 4 answer anything.)
    function balance(address asset) internal view returns (uint256 units) {
        if (asset == COIN) return address(this).balance;
        bool answered;
        (answered, units) = ask(asset, gasleft());
        if (!answered) revert NotAToken(asset);
    }

    /// @notice The same of a token, where no answer within so much gas is an answer as well.
    /// @dev Return data is not copied beyond one word.
    function ask(address token, uint256 gas_) internal view returns (bool answered, uint256 units) {
        assembly ("memory-safe") {
            mstore(0x00, 0x70a08231) // balanceOf(address)
            mstore(0x20, address())
            answered := staticcall(gas_, token, 0x1c, 0x24, 0x00, 0x20)
            answered := and(answered, gt(returndatasize(), 0x1f))
            units := mul(answered, mload(0x00))
        }
    }

    /// @notice Draws tokens in.
    /// @return arrived By how much the balance grew, at most `amount`: less when the token takes a fee.
    /// @dev The balance says how much, but not from whom: what else comes in meanwhile is this payer's only if the token says
    ///      that the payer has paid. So an answer that is no clean success (Delivery.sol) is a refusal. Reverts:
    ///      PaymentRefused, NotAToken.
    function pull(address token, address from, uint256 amount) internal returns (uint256 arrived) {
        uint256 held = balance(token);
        (bool called, bytes memory answer) =
            token.call(abi.encodeCall(IERC20.transferFrom, (from, address(this), amount)));
        bool clean = called && (answer.length == 0 || (answer.length > 31 && uint256(bytes32(answer)) == 1));
        uint256 holds = balance(token);
        if (!clean || holds <= held) revert PaymentRefused(token, from, amount);
        unchecked {
            arrived = holds - held < amount ? holds - held : amount;
        }
    }
}
