// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Asset} from "./lib/Asset.sol";
import {Account, Books, booksOf} from "./lib/Books.sol";
import {Clone} from "./lib/Clone.sol";
import {IRevenueSplitMoney} from "./IRevenueSplit.sol";
import {Terms} from "./lib/Terms.sol";

/// @title What the two halves of a split (RevenueSplit, RevenueSplitViews) have in common: storage and how it is read.
/// @dev Storage, besides the slots that lib/Books.sol reckons itself: slot 0, the coin's books; slots 1 and 2 are only the
///      seeds of mappings and stay empty, so that they may be "tokens'" slots as well.
abstract contract SplitState {
    uint256 private _coinBooks;
    mapping(address payer => mapping(bytes32 saleId => bool)) internal _sales;
    mapping(address payer => mapping(bytes32 batchId => bool)) internal _batches;

    /// @dev The books of a token that is not being paid out just now. Between a payment and its entry they would be wrong,
    ///      for whoever acts on them as for whoever only looks.
    function _openBooks(address token) internal view returns (Books books) {
        books = booksOf(token);
        if (books.isLocked()) revert IRevenueSplitMoney.Reentered();
    }

    /// @dev All that ever came in and was not taken away: what is held plus what was paid out.
    function _revenue(address token, Books books) internal view returns (uint256 revenue) {
        uint256 held = Asset.balance(token);
        unchecked {
            revenue = held + books.paidOut();
            if (revenue < held || revenue > Terms.MAX_REVENUE) revenue = Terms.MAX_REVENUE;
        }
    }

    function _check(bytes32 given) internal pure {
        bytes32 expected = Clone.argument();
        if (given != expected) revert IRevenueSplitMoney.TermsMismatch(expected, given);
    }

    /// @dev Revenue up to which a payee was paid or credited.
    function _markOf(Books books, Account account) internal pure returns (uint256) {
        return books.distributed() > account.mark() ? books.distributed() : account.mark();
    }
}
