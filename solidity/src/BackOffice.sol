// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Account, Books, accountAt, accountSlot, toAccount} from "./lib/Books.sol";
import {Asset} from "./lib/Asset.sol";
import {Clone} from "./lib/Clone.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IRevenueSplitBackOffice, IRevenueSplitPayments, IRevenueSplitPayouts} from "./IRevenueSplit.sol";
import {MoneyRule} from "./lib/MoneyRule.sol";
import {SplitState} from "./SplitState.sol";
import {Terms} from "./lib/Terms.sol";

/// @title The back office of a RevenueSplit: what is not done every day, and all views.
/// @dev Split off so that payments need not pass by these functions' selectors; it runs by delegation in the clone's name.
contract BackOffice is IRevenueSplitBackOffice, SplitState {
    // ------------------------------------------------------------------ money

    /// @inheritdoc IRevenueSplitBackOffice
    function withdrawCredit(address payee, address token) external returns (uint256) {
        return _withdraw(payee, payee, token);
    }

    /// @inheritdoc IRevenueSplitBackOffice
    function redirectCredit(address to, address token) external returns (uint256) {
        if (to == address(0) || to == address(this)) revert InvalidRecipient(to);
        return _withdraw(msg.sender, to, token);
    }

    /// @dev Where a token has taken balance away, what is there is paid, and the rest stays a credit.
    function _withdraw(address payee, address to, address token) private returns (uint256 amount) {
        (Books books,) = _open(token);
        uint256 slot = accountSlot(token, payee);
        Account account = accountAt(slot);
        amount = account.credit();
        uint256 held = Asset.balance(token);
        if (held < amount) amount = held;
        if (amount == 0) revert NothingDue(payee, token);

        toAccount(account.mark(), account.credit() - amount).save(slot);
        emit CreditWithdrawn(payee, token, to, amount);
        _send(to, token, amount, books, books.claimedAlone());
    }

    /// @inheritdoc IRevenueSplitBackOffice
    function payWithPermit(
        bytes32 saleId,
        address token,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        if (token.code.length == 0) revert NotAToken(token);
        // A permit that somebody has already handed in fails here, and is as good: the allowance decides.
        try IERC20Permit(token).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        if (amount == 0) revert NothingPaid();
        _once(_sales, saleId);
        emit SalePaid(msg.sender, saleId, token, _draw(token, amount));
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IRevenueSplitBackOffice
    function commitment() external view returns (bytes32) {
        return _latest();
    }

    /// @inheritdoc IRevenueSplitBackOffice
    function verify(bytes calldata terms) external view returns (bool) {
        return Terms.commitmentOf(terms) == _latest();
    }

    /// @inheritdoc IRevenueSplitBackOffice
    function received(address token) external view returns (uint256) {
        (, uint256 revenue) = _open(token);
        return revenue;
    }

    /// @inheritdoc IRevenueSplitBackOffice
    function marks(address token) external view returns (uint256, uint256, bool) {
        (Books books,) = _open(token);
        return (books.distributed(), books.paidOut(), books.claimedAlone());
    }

    /// @inheritdoc IRevenueSplitBackOffice
    function markOf(address payee, address token) external view returns (uint256) {
        (Books books,) = _open(token);
        return _markOf(books, accountAt(accountSlot(token, payee)));
    }

    /// @inheritdoc IRevenueSplitBackOffice
    function credit(address payee, address token) external view returns (uint256) {
        _open(token);
        return accountAt(accountSlot(token, payee)).credit();
    }

    /// @inheritdoc IRevenueSplitBackOffice
    function isSalePaid(address payer, bytes32 saleId) external view returns (bool) {
        return _sales[payer][saleId];
    }

    /// @inheritdoc IRevenueSplitBackOffice
    function isRemitted(address payer, bytes32 batchId) external view returns (bool) {
        return _batches[payer][batchId];
    }

    /// @inheritdoc IRevenueSplitBackOffice
    function entitlement(address payee, bytes calldata terms, address token) external view returns (uint256) {
        return _lineOf(payee, terms, token).entitlement;
    }

    /// @inheritdoc IRevenueSplitBackOffice
    function due(address payee, bytes calldata terms, address token) external view returns (uint256) {
        return _lineOf(payee, terms, token).due;
    }

    /// @inheritdoc IRevenueSplitBackOffice
    function paid(address payee, bytes calldata terms, address token) external view returns (uint256) {
        return _lineOf(payee, terms, token).paid;
    }

    /// @inheritdoc IRevenueSplitBackOffice
    function statement(bytes calldata terms, address token)
        external
        view
        returns (uint256 revenue, Line[] memory lines)
    {
        _check(Terms.commitmentOf(terms), token);
        Books books;
        (books, revenue) = _open(token);
        (uint256 entry, uint256 end) = Terms.entriesOf(terms);
        uint256 stride = Terms.strideOf(Terms.tierCount(Terms.headerOf(terms)));
        lines = new Line[]((end - entry) / stride);
        for (uint256 i = 0; i < lines.length; ++i) {
            lines[i] = _line(Terms.headerOf(terms), entry + i * stride, token, books, revenue);
        }
    }

    /// @inheritdoc IRevenueSplitBackOffice
    function proofOf(address payee, bytes calldata terms) external pure returns (bytes memory proof) {
        return Terms.proofOf(terms, _entryOf(payee, terms));
    }

    /// @dev The payee's entry; 0 when it has none.
    function _find(address payee, bytes calldata terms) internal pure returns (uint256) {
        uint256 stride = Terms.strideOf(Terms.tierCount(Terms.headerOf(terms)));
        (uint256 entry, uint256 end) = Terms.entriesOf(terms);
        for (; entry < end; entry += stride) {
            if (Terms.payeeAt(entry) == payee) return entry;
        }
        return 0;
    }

    function _entryOf(address payee, bytes calldata terms) private pure returns (uint256 entry) {
        entry = _find(payee, terms);
        if (entry == 0) revert UnknownPayee(payee);
    }

    function _lineOf(address payee, bytes calldata terms, address token) private view returns (Line memory) {
        _check(Terms.commitmentOf(terms), token);
        (Books books, uint256 revenue) = _open(token);
        return _line(Terms.headerOf(terms), _entryOf(payee, terms), token, books, revenue);
    }

    function _line(uint256 header, uint256 entry, address token, Books books, uint256 revenue)
        private
        view
        returns (Line memory line)
    {
        line.payee = Terms.payeeAt(entry);
        Account account = accountAt(accountSlot(token, line.payee));
        uint256 mark = _markOf(books, account);
        uint256 base = _base(token);
        line.credit = account.credit();
        line.entitlement = MoneyRule.earnedBetween(header, entry, token, base, base, revenue);
        line.paid = MoneyRule.earnedBetween(header, entry, token, base, base, mark);
        if (base == 0) line.paid -= line.credit;
        line.due = MoneyRule.earnedBetween(header, entry, token, base, mark, revenue);
    }

    /// @inheritdoc IRevenueSplitBackOffice
    function supportsInterface(bytes4 id) public pure virtual returns (bool) {
        return id == 0x01ffc9a7 || id == type(IRevenueSplitPayments).interfaceId
            || id == type(IRevenueSplitPayouts).interfaceId || id == type(IRevenueSplitBackOffice).interfaceId;
    }

    // ------------------------------------------------------------------ terms

    /// @dev The commitment to the newest terms.
    function _latest() internal view virtual returns (bytes32) {
        return Clone.lastWord();
    }
}
