// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Account, Books, LOCKED, accountAt, accountSlot, toAccount, toBooks} from "./lib/Books.sol";
import {Asset} from "./lib/Asset.sol";
import {IRevenueSplitPayments, IRevenueSplitPayouts} from "./IRevenueSplit.sol";
import {MoneyRule} from "./lib/MoneyRule.sol";
import {Payout} from "./lib/Payout.sol";
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
contract RevenueSplit is IRevenueSplitPayments, SplitState {
    address private immutable _BACK_OFFICE;

    constructor(address backOffice) {
        _BACK_OFFICE = backOffice;
    }

    /// @notice `distribute` and `claim` (IRevenueSplitPayouts); all else is delegated to the back office.
    /// @dev The two calls that will be made most are recognised and read by hand: the compiler's dispatch over all
    ///      functions and its decoding would cost each of them 340 gas. What the compiler would check of their arguments is
    ///      implied, since every byte that is used must lead to the commitment.
    fallback() external {
        if (msg.sig == IRevenueSplitPayouts.distribute.selector) {
            (uint256 sent, uint256 credited) = _distribute(_bytesAt(4), _addressAt(36));
            assembly ("memory-safe") {
                mstore(0x00, sent)
                mstore(0x20, credited)
                return(0x00, 0x40)
            }
        }
        if (msg.sig == IRevenueSplitPayouts.claim.selector) {
            uint256 amount = _claim(_addressAt(4), _bytesAt(36), _addressAt(68));
            assembly ("memory-safe") {
                mstore(0x00, amount)
                return(0x00, 0x20)
            }
        }
        // The back office cannot tell the front from a clone of it.
        if (address(this) == _SELF) revert NotASplit();
        address backOffice = _BACK_OFFICE;
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), backOffice, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if done { return(0, returndatasize()) }
            revert(0, returndatasize())
        }
    }

    function _addressAt(uint256 offset) private pure returns (address value) {
        assembly ("memory-safe") {
            value := shr(96, shl(96, calldataload(offset)))
        }
    }

    function _bytesAt(uint256 offset) private pure returns (bytes calldata value) {
        assembly ("memory-safe") {
            let at := add(calldataload(offset), 4)
            value.length := calldataload(at)
            value.offset := add(at, 32)
        }
    }

    // ------------------------------------------------------------------ money in

    /// @inheritdoc IRevenueSplitPayments
    function pay(bytes32 saleId, address token, uint256 amount) external payable {
        _once(_sales, saleId);
        emit SalePaid(msg.sender, saleId, token, _collect(token, amount));
    }

    /// @inheritdoc IRevenueSplitPayments
    function remit(bytes32 batchId, address token, uint256 amount, bytes32 root, uint256 count) external payable {
        _once(_batches, batchId);
        emit Remitted(msg.sender, batchId, token, _collect(token, amount), root, count);
    }

    function _collect(address token, uint256 amount) private returns (uint256 arrived) {
        if (amount == 0) revert NothingPaid();
        if (token == Asset.COIN) {
            if (msg.value != amount) revert ValueMismatch(msg.value, amount);
            return amount;
        }
        if (msg.value != 0) revert ValueMismatch(msg.value, 0);
        return _draw(token, amount);
    }

    // ------------------------------------------------------------------ money out

    /// @dev IRevenueSplitPayouts.distribute.
    function _distribute(bytes calldata terms, address token) private returns (uint256 sent, uint256 credited) {
        _check(Terms.commitmentOf(terms), token);
        (Books books, uint256 to) = _open(token);
        if (to <= books.distributed()) {
            _afterDistribution(token, books.distributed());
            return (0, 0);
        }

        LOCKED.store(token);
        bool ahead;
        if (books.claimedAlone()) {
            (sent, credited, ahead) = _payEachFromItsMark(terms, token, books, to);
        } else {
            uint256 plan = MoneyRule.plan(Terms.headerOf(terms), token, books.distributed(), to);
            (uint256 entry, uint256 end) = Terms.entriesOf(terms);
            (sent, credited) = _payFrom(plan, entry, end, token);
        }
        unchecked {
            toBooks(to, books.paidOut() + sent, ahead).store(token);
        }
        emit Distributed(token, books.distributed(), to);
        _afterDistribution(token, to);
    }

    /// @dev Everybody has been paid or credited for the revenue up to `mark`, and the books are open again.
    function _afterDistribution(address token, uint256 mark) internal virtual {}

    /// @dev Pays the entries from `entry` up to `end` by one plan.
    function _payFrom(uint256 plan, uint256 entry, uint256 end, address token)
        private
        returns (uint256 sent, uint256 credited)
    {
        // Sums of what is earned never exceed the revenue.
        unchecked {
            (entry, sent) = Payout.run(plan, entry, end, token);
            while (entry != end) {
                uint256 amount = MoneyRule.earned(plan, entry);
                _credit(token, Terms.payeeAt(entry), amount);
                credited += amount;
                entry += MoneyRule.strideOf(plan);
                if (entry == end) break;
                (entry, amount) = Payout.run(plan, entry, end, token);
                sent += amount;
            }
        }
    }

    /// @dev The same where somebody has claimed alone: each payee from its own mark on.
    /// @return sent Units that left.
    /// @return credited Units set aside.
    /// @return ahead Whether somebody's own mark is still beyond `to`: it claimed before a token took balance away.
    function _payEachFromItsMark(bytes calldata terms, address token, Books books, uint256 to)
        private
        returns (uint256 sent, uint256 credited, bool ahead)
    {
        uint256 header = Terms.headerOf(terms);
        uint256 stride = Terms.strideOf(Terms.tierCount(header));
        (uint256 entry, uint256 end) = Terms.entriesOf(terms);
        uint256 free;
        assembly ("memory-safe") {
            free := mload(0x40)
        }
        unchecked {
            for (; entry != end; entry += stride) {
                uint256 own = _markOf(books, accountAt(accountSlot(token, Terms.payeeAt(entry))));
                if (own > to) ahead = true;
                if (own >= to) continue;
                uint256 plan = MoneyRule.plan(header, token, own, to);
                (uint256 sent_, uint256 credited_) = _payFrom(plan, entry, entry + stride, token);
                sent += sent_;
                credited += credited_;
                // Every plan in the same place: memory stays small and gas linear.
                assembly ("memory-safe") {
                    mstore(0x40, free)
                }
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

    /// @dev IRevenueSplitPayouts.claim.
    function _claim(address payee, bytes calldata proof, address token) private returns (uint256 amount) {
        (bytes32 given, uint256 entry) = Terms.commitmentOf(proof, payee);
        _check(given, token);
        (Books books, uint256 to) = _open(token);
        uint256 slot = accountSlot(token, payee);
        Account account = accountAt(slot);
        amount = MoneyRule.earnedBetween(Terms.headerOf(proof), entry, token, _markOf(books, account), to);
        if (amount == 0) revert NothingDue(payee, token);

        toAccount(to, account.credit()).save(slot);
        emit Claimed(payee, token, to, amount);
        _send(payee, token, amount, books, true);
    }

}
