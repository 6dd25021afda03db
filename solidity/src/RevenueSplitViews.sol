// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Account, Books, accountAt, accountSlot} from "./lib/Books.sol";
import {Clone} from "./lib/Clone.sol";
import {IRevenueSplitEvents, IRevenueSplitViews} from "./IRevenueSplit.sol";
import {MoneyRule} from "./lib/MoneyRule.sol";
import {SplitState} from "./SplitState.sol";
import {Terms} from "./lib/Terms.sol";

/// @title The views of a RevenueSplit, which delegates to them whatever is not about money.
/// @dev Changes nothing, ever.
contract RevenueSplitViews is IRevenueSplitViews, SplitState {
    /// @inheritdoc IRevenueSplitViews
    function commitment() external pure returns (bytes32) {
        return Clone.argument();
    }

    /// @inheritdoc IRevenueSplitViews
    function verify(bytes calldata terms) external pure returns (bool) {
        return Terms.commitmentOf(terms) == Clone.argument();
    }

    /// @inheritdoc IRevenueSplitViews
    function received(address token) external view returns (uint256) {
        (, uint256 revenue) = _open(token);
        return revenue;
    }

    /// @inheritdoc IRevenueSplitViews
    function marks(address token) external view returns (uint256, uint256, bool) {
        (Books books,) = _open(token);
        return (books.distributed(), books.paidOut(), books.claimedAlone());
    }

    /// @inheritdoc IRevenueSplitViews
    function markOf(address payee, address token) external view returns (uint256) {
        (Books books,) = _open(token);
        return _markOf(books, accountAt(accountSlot(token, payee)));
    }

    /// @inheritdoc IRevenueSplitViews
    function credit(address payee, address token) external view returns (uint256) {
        _open(token);
        return accountAt(accountSlot(token, payee)).credit();
    }

    /// @inheritdoc IRevenueSplitViews
    function isSalePaid(address payer, bytes32 saleId) external view returns (bool) {
        return _sales[payer][saleId];
    }

    /// @inheritdoc IRevenueSplitViews
    function isRemitted(address payer, bytes32 batchId) external view returns (bool) {
        return _batches[payer][batchId];
    }

    /// @inheritdoc IRevenueSplitViews
    function entitlement(address payee, bytes calldata terms, address token) external view returns (uint256) {
        return _lineOf(payee, terms, token).entitlement;
    }

    /// @inheritdoc IRevenueSplitViews
    function due(address payee, bytes calldata terms, address token) external view returns (uint256) {
        return _lineOf(payee, terms, token).due;
    }

    /// @inheritdoc IRevenueSplitViews
    function paid(address payee, bytes calldata terms, address token) external view returns (uint256) {
        return _lineOf(payee, terms, token).paid;
    }

    /// @inheritdoc IRevenueSplitViews
    function statement(bytes calldata terms, address token)
        external
        view
       
        returns (uint256 revenue, Line[] memory lines)
    {
        _check(Terms.commitmentOf(terms));
        Books books;
        (books, revenue) = _open(token);
        (uint256 entry, uint256 end) = Terms.entriesOf(terms);
        uint256 stride = Terms.strideOf(Terms.tierCount(Terms.headerOf(terms)));
        lines = new Line[]((end - entry) / stride);
        for (uint256 i = 0; i < lines.length; ++i) {
            lines[i] = _line(Terms.headerOf(terms), entry + i * stride, token, books, revenue);
        }
    }

    /// @inheritdoc IRevenueSplitViews
    function proofOf(address payee, bytes calldata terms) external pure returns (bytes memory proof) {
        _check(Terms.commitmentOf(terms));
        return Terms.proofOf(terms, _find(payee, terms));
    }

    function _find(address payee, bytes calldata terms) private pure returns (uint256 entry) {
        uint256 stride = Terms.strideOf(Terms.tierCount(Terms.headerOf(terms)));
        uint256 end;
        (entry, end) = Terms.entriesOf(terms);
        for (; entry < end; entry += stride) {
            if (Terms.payeeAt(entry) == payee) return entry;
        }
        revert IRevenueSplitEvents.UnknownPayee(payee);
    }

    function _lineOf(address payee, bytes calldata terms, address token) private view returns (Line memory) {
        _check(Terms.commitmentOf(terms));
        (Books books, uint256 revenue) = _open(token);
        return _line(Terms.headerOf(terms), _find(payee, terms), token, books, revenue);
    }

    function _line(uint256 header, uint256 entry, address token, Books books, uint256 revenue)
        private
        view
        returns (Line memory line)
    {
        line.payee = Terms.payeeAt(entry);
        Account account = accountAt(accountSlot(token, line.payee));
        uint256 mark = _markOf(books, account);
        line.credit = account.credit();
        line.entitlement = MoneyRule.earnedBetween(header, entry, token, 0, revenue);
        line.paid = MoneyRule.earnedBetween(header, entry, token, 0, mark) - line.credit;
        line.due = MoneyRule.earnedBetween(header, entry, token, mark, revenue);
    }
}
