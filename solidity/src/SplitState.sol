// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Asset} from "./lib/Asset.sol";
import {Account, Books} from "./lib/Books.sol";
import {Clone} from "./lib/Clone.sol";
import {IRevenueSplitEvents} from "./IRevenueSplit.sol";
import {Terms} from "./lib/Terms.sol";

/// @title What the two halves of a split (RevenueSplit, RevenueSplitViews) have in common: storage and how it is read.
/// @dev Storage, besides the slots that lib/Books.sol reckons itself: slot 0, the coin's books; slots 1 and 2 are only the
///      seeds of mappings and stay empty, so that they may be "tokens'" slots as well.
abstract contract SplitState {
    uint256 private _coinBooks;
    mapping(address payer => mapping(bytes32 saleId => bool)) internal _sales;
    mapping(address payer => mapping(bytes32 batchId => bool)) internal _batches;

    /// @dev The books of a token, and its revenue: what is held plus what was paid out, which is all that ever came in and
    ///      was not taken away. Refuses while the token is being paid out: between a payment and its entry the books would
    ///      be wrong, for whoever acts on them as for whoever only looks.
    function _open(address token) internal view returns (Books books, uint256 revenue) {
        uint256 held = Asset.balance(token);
        uint256 most = Terms.MAX_REVENUE;
        assembly ("memory-safe") {
            books := sload(token)
            revenue := add(held, shr(129, shl(128, books)))
            // `held` may be anything a token says, so that the sum may have gone round.
            if or(gt(revenue, most), lt(revenue, held)) { revenue := most }
        }
        if (books.isLocked()) revert IRevenueSplitEvents.Reentered();
    }

    function _check(bytes32 given) internal pure {
        bytes32 expected = Clone.argument();
        if (given != expected) revert IRevenueSplitEvents.TermsMismatch(expected, given);
    }

    /// @dev Revenue up to which a payee was paid or credited.
    function _markOf(Books books, Account account) internal pure returns (uint256) {
        return books.distributed() > account.mark() ? books.distributed() : account.mark();
    }
}
