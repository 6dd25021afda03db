// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Asset} from "./Asset.sol";

/// @dev Enough for a wallet behind proxies or a nested split; little enough that a payee that burns it all cannot make a
///      distribution to a hundred others impossible.
uint256 constant COIN_GAS = 50_000;
/// @dev Proxied, rebasing and hooked tokens fit; a hook that burns everything is stopped here.
uint256 constant TOKEN_GAS = 200_000;

/// @title Delivery: one payment out, and what may be believed of it. Split, escrow and payout book pay by this alone.
/// @notice What a token answers and what it does to our balance decide together how much of a payment has left. The
///         balance is looked at only where the answer was no clean success.
///
///     answer                        balance      left (the rest is credited,      all or nothing
///                                   fell by      skipped or owed)
///     ------------------------------------------------------------------------------------------------
///     coin accepted                 –            all                              paid
///     nothing, from a contract      –            all                              paid
///     `true`                        –            all                              paid
///     revert; coin refused          nothing      nothing                          refused
///     nothing, and no code there    nothing      nothing                          refused
///     `false`, another word,        nothing      nothing                          refused
///       less than a word            exactly      all                              paid
///                                   less         as much as it fell               refused
///                                   more         all                              paid
///                                   it grew      nothing                          refused
///
/// A revert undoes whatever the token did, so there is nothing to look at. What a clean success really moved is not asked:
/// a token that says it paid has paid (docs/decisions/0008). "Fell by" is measured against what should be held by then, so
/// what earlier payments of the same call took on top counts as well. The allowance of gas is what a recipient gets at most,
/// and what it had at least if it failed; one that accepts may have had less. "Refused" undoes the whole call, the token's doing included.
/// @dev Only the loop in Payout.sol sends coin without it, where nothing is to be judged but whether the call succeeded.
library Delivery {
    /// @dev The payment could not be delivered whole; nothing has changed.
    error PaymentFailed(address asset, address payee, uint256 amount);
    /// @dev Too little gas was sent for a payee's call to be judged fairly.
    error NotEnoughGas();

    /// @notice Sends with the allowance of gas that everybody gets whose failure must not stop others.
    /// @param held Units of the asset held just before.
    /// @return left Units that have left, at most `amount`.
    /// @dev Reverts: NotEnoughGas, NotAToken.
    function attempt(address asset, address to, uint256 amount, uint256 held) internal returns (uint256 left) {
        (bool called, bool clean) = send(asset, to, amount, allowance(asset));
        return clean ? amount : judge(asset, amount, held, called);
    }

    /// @notice Sends all of it with all the gas there is, or reverts.
    /// @param held Units of the asset held just before; 0 if nobody has looked: then only a clean success is one.
    /// @dev Reverts: PaymentFailed.
    function sendAll(address asset, address to, uint256 amount, uint256 held) internal {
        (bool called, bool clean) = send(asset, to, amount, gasleft());
        if (!clean && !(called && _left(asset, amount, held) == amount)) revert PaymentFailed(asset, to, amount);
    }

    /// @notice How much has left by a call that was no clean success.
    /// @param called Whether it came back without a revert.
    /// @dev Reverts: NotEnoughGas, so that no caller can forge a failure; NotAToken.
    function judge(address asset, uint256 amount, uint256 held, bool called) internal view returns (uint256 left) {
        requireGas(allowance(asset));
        return called ? _left(asset, amount, held) : 0;
    }

    function allowance(address asset) internal pure returns (uint256) {
        return asset == Asset.COIN ? COIN_GAS : TOKEN_GAS;
    }

    /// @notice Reverts unless a call that has just failed had `allowance_` gas: NotEnoughGas.
    /// @dev More being left than that allowance and the 63rd part that is held back proves it, whatever the call burned.
    function requireGas(uint256 allowance_) internal view {
        if (gasleft() < allowance_ + allowance_ / 63 + 1) revert NotEnoughGas();
    }

    /// @notice The call itself.
    /// @return called Whether it came back without a revert.
    /// @return clean Whether it may be believed to have paid: see the table.
    function send(address asset, address to, uint256 amount, uint256 gas_)
        internal
        returns (bool called, bool clean)
    {
        assembly ("memory-safe") {
            switch asset
            case 0 {
                called := call(gas_, to, amount, 0, 0, 0, 0)
                clean := called
            }
            default {
                let m := mload(0x40)
                mstore(m, shl(224, 0xa9059cbb)) // transfer(address,uint256)
                mstore(add(m, 0x04), to)
                mstore(add(m, 0x24), amount)
                called := call(gas_, asset, 0, m, 0x44, 0x00, 0x20)
                switch returndatasize()
                case 0 { clean := and(called, gt(extcodesize(asset), 0)) }
                default { clean := and(called, and(eq(mload(0x00), 1), gt(returndatasize(), 0x1f))) }
            }
        }
    }

    function _left(address asset, uint256 amount, uint256 held) private view returns (uint256) {
        uint256 holds = Asset.balance(asset);
        if (holds >= held) return 0;
        unchecked {
            return held - holds < amount ? held - holds : amount;
        }
    }
}
