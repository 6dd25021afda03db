// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Asset} from "./lib/Asset.sol";
import {Account, Books, LOCKED, toBooks} from "./lib/Books.sol";
import {Clone} from "./lib/Clone.sol";
import {IRevenueSplitEvents} from "./IRevenueSplit.sol";
import {Terms} from "./lib/Terms.sol";

/// @title What the front (RevenueSplit) and the back office of a split have in common: storage, and how it is read.
/// @dev Storage, besides the slots that lib/Books.sol reckons itself: slot 0, the coin's books; slots 1 and 2 are only the
///      seeds of mappings and stay empty, so that they may be "tokens'" slots as well.
abstract contract SplitState {
    address internal immutable _SELF = address(this);

    uint256 private _coinBooks;
    mapping(address payer => mapping(bytes32 saleId => bool)) internal _sales;
    mapping(address payer => mapping(bytes32 batchId => bool)) internal _batches;

    /// @dev 1 while tokens are drawn in.
    uint256 private transient _drawing;

    /// @dev The books of a token, and its revenue: what is held plus what was paid out, which is all that ever came in and
    ///      was not taken away. Refuses while the token is being paid out: between a payment and its entry the books would
    ///      be wrong, for whoever acts on them as for whoever only looks.
    function _open(address token) internal view returns (Books books, uint256 revenue) {
        uint256 held = address(this).balance;
        if (token != Asset.COIN) held = Asset.balance(token);
        uint256 most = Terms.MAX_REVENUE;
        bool beyond;
        assembly ("memory-safe") {
            books := sload(token)
            revenue := add(held, shr(129, shl(128, books)))
            // `held` may be anything a token says, so that the sum may have gone round. Locked books say `most` by
            // themselves: one look finds both.
            beyond := or(iszero(lt(revenue, most)), lt(revenue, held))
        }
        if (beyond) {
            if (books.isLocked()) revert IRevenueSplitEvents.Reentered();
            revenue = most;
        }
    }

    /// @dev The commitment to the terms by which a token's revenue is shared just now.
    function _inForce(address token) internal view virtual returns (bytes32) {
        token;
        return Clone.lastWord();
    }

    /// @dev Revenue in `token` from which the terms in force for it count.
    function _base(address token) internal view virtual returns (uint256) {
        token;
        return 0;
    }

    function _check(bytes32 given, address token) internal view {
        bytes32 expected = _inForce(token);
        if (given != expected) revert IRevenueSplitEvents.TermsMismatch(expected, given);
    }

    /// @dev Revenue up to which a payee was paid or credited.
    function _markOf(Books books, Account account) internal pure returns (uint256) {
        return books.distributed() > account.mark() ? books.distributed() : account.mark();
    }

    /// @dev Sends what the payee's own books already say has gone: all of it, or nothing has happened.
    function _send(address to, address token, uint256 amount, Books books, bool claimedAlone) internal {
        LOCKED.store(token);
        if (!Asset.send(token, to, amount)) revert IRevenueSplitEvents.PaymentFailed(token, to, amount);
        unchecked {
            toBooks(books.distributed(), books.paidOut() + amount, claimedAlone).store(token);
        }
    }

    /// @dev Marks an id as used by the caller. Refuses where there is no clone in front: only clones hold money.
    function _once(mapping(address => mapping(bytes32 => bool)) storage used, bytes32 id) internal {
        if (address(this) == _SELF) revert IRevenueSplitEvents.NotASplit();
        if (used[msg.sender][id]) revert IRevenueSplitEvents.AlreadyPaid(msg.sender, id);
        used[msg.sender][id] = true;
    }

    /// @dev Draws tokens in from the caller. A payment within a payment would be counted in both, and what else arrives
    ///      while a token calls out is not this payer's. (Leaves any meanwhile, the record says too little; a payer whose own
    ///      hook does that harms itself.)
    function _draw(address token, uint256 amount) internal returns (uint256 arrived) {
        if (_drawing != 0) revert IRevenueSplitEvents.Reentered();
        _drawing = 1;
        arrived = Asset.pull(token, msg.sender, amount);
        if (arrived > amount) arrived = amount;
        _drawing = 0;
    }
}
