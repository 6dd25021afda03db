// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Asset} from "./Asset.sol";

/// @dev Enough for a wallet behind proxies or a nested split; little enough that a payee that burns it all cannot make a
///      distribution to a hundred others impossible.
uint256 constant COIN_GAS = 50_000;
/// @dev Proxied, rebasing and hooked tokens fit; a hook that burns everything is stopped here.
uint256 constant TOKEN_GAS = 200_000;

/// @title Delivery: one payment out, and what may be believed of it. Split, escrow and payout book pay by this alone.
/// @notice A payment is made whole, or it has not happened. What a token answers decides which; the balance is looked at
///         only where the answer was neither a clean success nor a clean failure.
///
///     answer                        balance fell by    the payment is
///     ----------------------------------------------------------------------------------
///     coin accepted                 –                  paid
///     nothing, from a contract      –                  paid
///     `true`                        –                  paid
///     revert; coin refused          –                  refused: nothing has happened
///     nothing, and no code there    –                  refused: nothing has happened
///     `false`, another word,        exactly            paid
///       less than a word            less, or nothing   undone, and refused
///                                   more               undone, and refused
///                                   it grew            undone, and refused
///
/// Refused means credited, skipped or owed where others are paid by the same call, and an error where nobody is.
/// A revert undoes whatever the token did, so there is nothing to look at. What a clean success really moved is not asked:
/// a token that says it paid has paid (docs/decisions/0008). An unclear answer is undone by a revert, because what came in
/// meanwhile may hide what went out, and then the payee would be paid twice; so payments in a token are made in a call of
/// their own, which can be undone alone, and made once more with the balance looked at before.
/// The allowance of gas is what a recipient gets at most, and what it had at least if it failed; one that accepts may have
/// had less.
/// @dev Only the loop in Payout.sol sends coin without it, where nothing is to be judged but whether the call succeeded.
library Delivery {
    /// @dev The payment could not be delivered whole; nothing has changed.
    error PaymentFailed(address asset, address payee, uint256 amount);
    /// @dev Too little gas was sent for a payee's call to be judged fairly.
    error NotEnoughGas();
    /// @dev Part of something greater, which nobody calls but the contract itself.
    error OnlyItself();

    /// @notice Sends with the allowance of gas that everybody gets whose failure must not stop others.
    /// @param held Units of the asset held just before; 0 if nobody has looked: then no unclear answer is a payment.
    /// @return paid False if nothing has happened.
    /// @dev Reverts: PaymentFailed where the answer is unclear and the payment is to be undone; NotEnoughGas, NotAToken.
    function attempt(address asset, address to, uint256 amount, uint256 held) internal returns (bool paid) {
        (bool called, bool clean) = send(asset, to, amount, allowance(asset));
        return clean || judge(asset, to, amount, held, called);
    }

    /// @notice Sends all of it with all the gas there is, or reverts.
    /// @param held Units of the asset held just before; 0 if nobody has looked: then only a clean success is one.
    /// @dev Reverts: PaymentFailed.
    function sendAll(address asset, address to, uint256 amount, uint256 held) internal {
        (bool called, bool clean) = send(asset, to, amount, gasleft());
        if (!clean && !(called && _fellExactly(asset, amount, held))) revert PaymentFailed(asset, to, amount);
    }

    /// @notice Whether a call that was no clean success has paid.
    /// @param called Whether it came back without a revert.
    /// @dev Reverts: as `attempt` does; NotEnoughGas, so that no caller can forge a failure.
    function judge(address asset, address to, uint256 amount, uint256 held, bool called)
        internal
        view
        returns (bool paid)
    {
        requireGas(allowance(asset));
        if (!called || asset.code.length == 0) return false;
        if (!_fellExactly(asset, amount, held)) revert PaymentFailed(asset, to, amount);
        return true;
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

    function _fellExactly(address asset, uint256 amount, uint256 held) private view returns (bool) {
        uint256 holds = Asset.balance(asset);
        return held >= amount && holds == held - amount;
    }
}

/// @title What pays several by one call, and lets no failure of one stop another.
abstract contract Deliverer {
    /// @dev For one payment in a token: the payment, a look at the balance, and as much again as tells a failure of the payee's
    ///      own.
    uint256 private constant _DELIVERY_GAS = 500_000;

    /// @notice One payment, in a call of its own so that it can be undone if its answer is not clear. This contract only.
    /// @param measured Whether the balance is looked at before, so that an unclear answer can be judged.
    /// @return paid False if nothing has happened.
    /// @dev Reverts: OnlyItself, PaymentFailed, NotEnoughGas, NotAToken; then nothing has happened either.
    function deliver(address asset, address to, uint256 amount, bool measured) external returns (bool paid) {
        if (msg.sender != address(this)) revert Delivery.OnlyItself();
        return Delivery.attempt(asset, to, amount, measured ? Asset.balance(asset) : 0);
    }

    /// @notice Pays one of many.
    /// @return paid False if nothing has happened.
    /// @dev Reverts: NotEnoughGas.
    function _deliver(address asset, address to, uint256 amount) internal returns (bool paid) {
        // Coin is either accepted or not: there is nothing to undo.
        if (asset == Asset.COIN) return Delivery.attempt(asset, to, amount, 0);
        bool unclear;
        (paid, unclear) = _tryToDeliver(asset, to, amount, false);
        if (unclear) (paid,) = _tryToDeliver(asset, to, amount, true);
    }

    function _tryToDeliver(address asset, address to, uint256 amount, bool measured)
        private
        returns (bool paid, bool unclear)
    {
        try this.deliver{gas: _DELIVERY_GAS}(asset, to, amount, measured) returns (bool paid_) {
            return (paid_, false);
        } catch (bytes memory reason) {
            Delivery.requireGas(_DELIVERY_GAS);
            return (false, bytes4(reason) == Delivery.PaymentFailed.selector);
        }
    }
}
