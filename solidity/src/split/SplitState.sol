// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account, Books} from "../lib/Books.sol";
import {Asset} from "../lib/Asset.sol";
import {Delivery, TOKEN_GAS} from "../lib/Delivery.sol";
import {IRevenueSplitEvents} from "./IRevenueSplit.sol";
import {Lock} from "../lib/Lock.sol";
import {Terms} from "../lib/Terms.sol";

/// @title What a split keeps, and how money may move while it is kept right.
abstract contract SplitState is IRevenueSplitEvents {
    address internal immutable _SELF = address(this);

    mapping(address asset => Books) internal _books;
    mapping(address asset => mapping(address payee => Account)) internal _accounts;
    mapping(address payer => mapping(bytes32 saleId => bool)) internal _sales;
    mapping(address payer => mapping(bytes32 batchId => bool)) internal _batches;
    /// @dev The settlement token, noted when something is set aside, for withdrawals are shown no terms. Zero: the coin, or
    ///      nothing was set aside yet.
    address internal _settlementToken;

    /// @notice The books of an asset, what is held of it, and its revenue: what is held plus what was paid out, which is all
    ///         that ever came in and was not taken away.
    /// @dev Reverts: NotAToken, Reentered.
    function _open(address asset) internal view returns (Books books, uint256 held, uint256 revenue) {
        Lock.requireFree(asset);
        held = Asset.balance(asset);
        books = _books[asset];
        unchecked {
            revenue = held + books.paidOut();
            // `held` may be anything a token says, so that the sum may have gone round.
            if (revenue < held || revenue > Terms.MAX_REVENUE) revenue = Terms.MAX_REVENUE;
        }
    }

    /// @dev Revenue up to which a payee was paid or credited.
    function _markOf(Books books, Account account) internal pure returns (uint256) {
        return books.distributed() > account.mark() ? books.distributed() : account.mark();
    }

    // ------------------------------------------------------------------ the terms that count (FixedTerms, AmendableTerms)

    /// @dev The commitment to the newest terms.
    function _latest() internal view virtual returns (bytes32);

    /// @dev The commitment to the terms by which an asset's revenue is shared just now.
    function _inForce(address asset) internal view virtual returns (bytes32);

    /// @dev Revenue in `asset` from which the terms in force for it count.
    function _base(address asset) internal view virtual returns (uint256);

    /// @dev Whether all who ever could claim in `asset` are in the terms in force for it.
    function _samePayees(address asset) internal view virtual returns (bool);

    /// @dev Everybody has been paid or credited for the revenue up to `mark`.
    function _afterDistribution(address asset, uint256 mark) internal virtual;

    /// @dev `amount` more has been set aside for a payee under the terms in force.
    function _afterCredit(address asset, address payee, uint256 amount) internal virtual;

    /// @dev How much of a payee's credit was set aside before the terms in force counted.
    function _earlierCredit(address asset, address payee, uint256 credit) internal view virtual returns (uint256);

    // ------------------------------------------------------------------ money in

    /// @dev Marks an id as used by the caller. Refuses where there is no clone in front: only clones hold money.
    function _once(mapping(address => mapping(bytes32 => bool)) storage used, bytes32 id) internal {
        if (address(this) == _SELF) revert NotASplit();
        if (used[msg.sender][id]) revert AlreadyPaid(msg.sender, id);
        used[msg.sender][id] = true;
    }

    /// @dev Draws tokens in from the caller. A payment within a payment would be counted in both, and what else arrives
    ///      while a token calls out is not this payer's. (Leaves any meanwhile, the record says too little; a payer whose own
    ///      hook does that harms itself.)
    function _draw(address token, uint256 amount) internal returns (uint256 arrived) {
        if (amount == 0) revert NothingPaid();
        Lock.requireFree(token);
        Lock.take(token);
        arrived = Asset.pull(token, msg.sender, amount);
        Lock.release(token);
    }

    // ------------------------------------------------------------------ two addresses for one balance

    // The coin can be a token as well, and a token can have two addresses. So a payment in another asset than the settlement
    // token may not lower what is held of that, nor may a payment in another token lower the coin. Both are locked meanwhile,
    // so what falls was not paid out by us. What comes in meanwhile may hide the fall; but two balances that are equal before
    // and equal again after are one. Not told apart are two tokens of which neither is the settlement token, a settlement token
    // that does not say within 200,000 gas what is held of it, and one balance counted in two units, if something comes in.

    /// @dev Whether a payment in `asset`, not the settlement token, can be guarded just now. Reverts: Reentered.
    function _requireGuardable(address asset, address settlement) internal view {
        if (asset != Asset.COIN) Lock.requireFree(Asset.COIN);
        if (settlement != Asset.COIN) Lock.requireFree(settlement);
    }

    /// @return held Units of `asset` held.
    /// @return coins What is held of the coin, if it must not fall.
    /// @return units What is held of the settlement token, if it must not fall.
    /// @dev Reverts: Reentered, NotAToken, NotEnoughGas.
    function _guard(address asset, address settlement)
        internal
        returns (uint256 held, uint256 coins, uint256 units)
    {
        _requireGuardable(asset, settlement);
        if (asset != Asset.COIN) {
            Lock.take(Asset.COIN);
            coins = address(this).balance;
            bool answered;
            (answered, held) = _lookAt(asset);
            if (!answered) revert Asset.NotAToken(asset);
        } else {
            held = address(this).balance;
        }
        if (settlement != Asset.COIN) {
            Lock.take(settlement);
            (, units) = _lookAt(settlement);
        }
    }

    /// @param held Units of `asset` held before.
    /// @dev Reverts: BalanceShared.
    function _unguard(address asset, address settlement, uint256 held, uint256 coins, uint256 units) internal {
        if (asset != Asset.COIN) {
            Lock.release(Asset.COIN);
            if (_isShared(asset, held, coins, address(this).balance)) revert BalanceShared(asset, Asset.COIN);
        }
        if (settlement != Asset.COIN) {
            Lock.release(settlement);
            (, uint256 now_) = _lookAt(settlement);
            if (_isShared(asset, held, units, now_)) revert BalanceShared(asset, settlement);
        }
    }

    /// @dev Whether a balance that was `before` and is `now_` is that of `asset` as well, of which `held` units were held. Equal
    ///      before alone says nothing: anybody can send what is missing.
    function _isShared(address asset, uint256 held, uint256 before, uint256 now_) private view returns (bool) {
        if (now_ < before) return true;
        if (before != held) return false;
        if (asset == Asset.COIN) return address(this).balance == now_;
        (bool answered, uint256 holds) = _lookAt(asset);
        return !answered || holds == now_;
    }

    /// @dev What is held of a token that is watched, asked with all the gas that it may have: nobody chooses so little that it
    ///      answers otherwise. What the call itself costs comes on top. `units` is 0 where it does not answer. Reverts:
    ///      NotEnoughGas.
    function _lookAt(address token) private view returns (bool answered, uint256 units) {
        Delivery.requireGas(TOKEN_GAS + 5_000);
        return Asset.ask(token, TOKEN_GAS);
    }

    // ------------------------------------------------------------------ money out

    /// @dev Sends what the payee's own books already say has gone: all of it, or nothing has happened.
    function _payOut(address token, address to, uint256 amount, uint256 held, Books after_, address settlement)
        internal
    {
        _books[token] = after_;
        if (token == settlement) {
            // Coin has left the balance when its recipient is called, and the books are true: there is nothing to lock.
            if (token != Asset.COIN) Lock.take(token);
            Delivery.sendAll(token, to, amount, held);
            if (token != Asset.COIN) Lock.release(token);
            return;
        }
        Lock.take(token);
        uint256 coins;
        uint256 units;
        (held, coins, units) = _guard(token, settlement);
        Delivery.sendAll(token, to, amount, held);
        _unguard(token, settlement, held, coins, units);
        Lock.release(token);
    }
}
