// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Account, Books, accountAt, accountSlot, booksOf, toAccount, toBooks} from "./lib/Books.sol";
import {Asset} from "./lib/Asset.sol";
import {IRevenueSplitMoney} from "./IRevenueSplit.sol";
import {MoneyRule} from "./lib/MoneyRule.sol";
import {Payout} from "./lib/Payout.sol";
import {RevenueSplitViews} from "./RevenueSplitViews.sol";
import {SplitState} from "./SplitState.sol";
import {Terms} from "./lib/Terms.sol";

/// @title RevenueSplit: one agreement's money, shared as agreed.
/// @notice Whatever arrives here, coin or token, by plain transfer or through `pay` and `remit`, is revenue. Anyone may
///         call `distribute`; each payee then gets what it has earned by the money rule (lib/MoneyRule.sol) and was not
///         paid before. It never matters how often, or by whom, money is distributed, and what rounding leaves over
///         stays below one unit per payee and tier.
///
/// What it is: the implementation behind minimal clones (lib/Clone.sol). A clone carries the commitment to its terms in
/// its own code, holds one agreement's money only, and keeps one word per token; a payee has storage only if it claimed
/// alone or could not be paid.
///
/// What it is not: it has no owner, no upgrade, no arbitrary call. It does not judge tokens. One that lies about
/// balances, or takes them away, harms the payees of this split in that token, and nobody else.
///
/// Assumptions: EIP-1153. At most 2^127 − 1 units of a token are ever counted as revenue. What a token says it has
/// transferred counts as paid; if it keeps the money, that is revenue again.
contract RevenueSplit is IRevenueSplitMoney, SplitState {
    address private immutable _IMPLEMENTATION = address(this);
    address private immutable _VIEWS = address(new RevenueSplitViews());

    /// @dev One call at a time: while money goes out, nothing else comes in but plain transfers.
    modifier alone() {
        if (_paying != 0) revert Reentered();
        _paying = 1;
        _;
        _paying = 0;
    }

    /// @dev Views stand behind a second door, so that payments need not pass by their selectors.
    fallback() external {
        address views = _VIEWS;
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), views, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if done { return(0, returndatasize()) }
            revert(0, returndatasize())
        }
    }

    // ------------------------------------------------------------------ money in

    /// @inheritdoc IRevenueSplitMoney
    function pay(bytes32 saleId, address token, uint256 amount) external payable {
        _once(_sales, saleId);
        emit SalePaid(msg.sender, saleId, token, _collect(token, amount));
    }

    /// @inheritdoc IRevenueSplitMoney
    function remit(bytes32 batchId, address token, uint256 amount, bytes32 root, uint256 count) external payable {
        _once(_batches, batchId);
        emit Remitted(msg.sender, batchId, token, _collect(token, amount), root, count);
    }

    function _once(mapping(address => mapping(bytes32 => bool)) storage used, bytes32 id) private {
        if (address(this) == _IMPLEMENTATION) revert NotASplit();
        if (used[msg.sender][id]) revert AlreadyPaid(msg.sender, id);
        used[msg.sender][id] = true;
    }

    function _collect(address token, uint256 amount) private returns (uint256 arrived) {
        if (amount == 0) revert NothingPaid();
        if (token == Asset.COIN) {
            if (msg.value != amount) revert ValueMismatch(msg.value, amount);
            return amount;
        }
        if (msg.value != 0) revert ValueMismatch(msg.value, 0);
        return _pull(token, amount);
    }

    /// @dev Alone: a distribution in the middle of it would spoil the measure of what arrived.
    function _pull(address token, uint256 amount) private alone returns (uint256) {
        return Asset.pull(token, msg.sender, amount);
    }

    // ------------------------------------------------------------------ money out

    /// @inheritdoc IRevenueSplitMoney
    function distribute(bytes calldata terms, address token)
        external
        alone
        returns (uint256 sent, uint256 credited)
    {
        _check(Terms.commitmentOf(terms));
        Books books = booksOf(token);
        uint256 from = books.distributed();
        uint256 to = _revenue(token, books);
        if (to <= from) return (0, 0);

        // Effects first: even with the lock broken, nothing would be due any more from inside a payee's call.
        toBooks(to, books.paidOut(), false).store(token);
        uint256 header = Terms.headerOf(terms);
        if (books.claimedAlone()) {
            (sent, credited) = _payEachFromItsMark(terms, token, from, to);
        } else {
            uint256 plan = MoneyRule.plan(header, Terms.settlementToken(header) == token, from, to);
            (uint256 entry, uint256 end) = Terms.entriesOf(terms);
            (sent, credited) = _payFrom(plan, entry, end, token);
        }
        toBooks(to, books.paidOut() + sent, false).store(token);
        emit Distributed(token, from, to);
    }

    /// @dev Pays the entries from `entry` up to `end` by one plan.
    function _payFrom(uint256 plan, uint256 entry, uint256 end, address token)
        private
        returns (uint256 sent, uint256 credited)
    {
        while (true) {
            uint256 paidNow;
            (entry, paidNow) = Payout.run(plan, entry, end, token);
            sent += paidNow;
            if (entry == end) return (sent, credited);
            uint256 amount = MoneyRule.earned(plan, entry);
            _credit(token, Terms.payeeAt(entry), amount);
            credited += amount;
            assembly ("memory-safe") {
                entry := add(entry, mload(plan))
            }
            if (entry == end) return (sent, credited);
        }
    }

    /// @dev The same where somebody has claimed alone: each payee from its own mark on.
    function _payEachFromItsMark(bytes calldata terms, address token, uint256 from, uint256 to)
        private
        returns (uint256 sent, uint256 credited)
    {
        uint256 header = Terms.headerOf(terms);
        bool settles = Terms.settlementToken(header) == token;
        uint256 stride = Terms.strideOf(Terms.tierCount(header));
        (uint256 entry, uint256 end) = Terms.entriesOf(terms);
        uint256 memory_;
        assembly ("memory-safe") {
            memory_ := mload(0x40)
        }
        for (; entry < end; entry += stride) {
            uint256 own = _max(from, accountAt(accountSlot(token, Terms.payeeAt(entry))).mark());
            if (own >= to) continue;
            uint256 plan = MoneyRule.plan(header, settles, own, to);
            (uint256 sent_, uint256 credited_) = _payFrom(plan, entry, entry + stride, token);
            sent += sent_;
            credited += credited_;
            assembly ("memory-safe") {
                mstore(0x40, memory_)
            }
        }
    }

    /// @dev A failure is the payee's own only if its whole allowance of gas was there. What is left after the call being
    ///      more than that allowance and the 63rd part that is held back proves it, whatever the payee burned.
    function _credit(address token, address payee, uint256 amount) private {
        uint256 limit = token == Asset.COIN ? Payout.COIN_GAS : Payout.TOKEN_GAS;
        if (gasleft() < limit + limit / 63 + 1) revert NotEnoughGas();
        uint256 slot = accountSlot(token, payee);
        Account account = accountAt(slot);
        toAccount(account.mark(), account.credit() + amount).save(slot);
        emit Credited(payee, token, amount);
    }

    /// @inheritdoc IRevenueSplitMoney
    function claim(address payee, bytes calldata proof, address token) external alone returns (uint256 amount) {
        (bytes32 given, uint256 entry) = Terms.commitmentOf(proof, payee);
        _check(given);
        if (entry == 0) revert UnknownPayee(payee);
        Books books = booksOf(token);
        uint256 slot = accountSlot(token, payee);
        Account account = accountAt(slot);
        uint256 to = _revenue(token, books);
        uint256 header = Terms.headerOf(proof);
        amount = MoneyRule.earnedBetween(
            header, entry, Terms.settlementToken(header) == token, _max(books.distributed(), account.mark()), to
        );
        if (amount == 0) revert NothingDue(payee, token);

        toAccount(to, account.credit()).save(slot);
        toBooks(books.distributed(), books.paidOut() + amount, true).store(token);
        emit Claimed(payee, token, to, amount);
        if (!Asset.send(token, payee, amount)) revert PaymentFailed(token, payee, amount);
    }

    /// @inheritdoc IRevenueSplitMoney
    function withdrawCredit(address payee, address token) external returns (uint256) {
        return _withdraw(payee, payee, token);
    }

    /// @inheritdoc IRevenueSplitMoney
    function redirectCredit(address to, address token) external returns (uint256) {
        if (to == address(0) || to == address(this)) revert InvalidRecipient(to);
        return _withdraw(msg.sender, to, token);
    }

    /// @dev Where a token has taken balance away, what is there is paid, and the rest stays a credit.
    function _withdraw(address payee, address to, address token) private alone returns (uint256 amount) {
        uint256 slot = accountSlot(token, payee);
        Account account = accountAt(slot);
        amount = account.credit();
        uint256 held = Asset.balance(token);
        if (held < amount) amount = held;
        if (amount == 0) revert NothingDue(payee, token);

        Books books = booksOf(token);
        toAccount(account.mark(), account.credit() - amount).save(slot);
        toBooks(books.distributed(), books.paidOut() + amount, books.claimedAlone()).store(token);
        emit CreditWithdrawn(payee, token, to, amount);
        if (!Asset.send(token, to, amount)) revert PaymentFailed(token, to, amount);
    }
}
