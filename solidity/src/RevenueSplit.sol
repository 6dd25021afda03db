// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Account, Books, LOCKED, accountAt, accountSlot, toAccount, toBooks} from "./lib/Books.sol";
import {Asset} from "./lib/Asset.sol";
import {IRevenueSplitEvents, IRevenueSplitPayments, IRevenueSplitPayouts} from "./IRevenueSplit.sol";
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
contract RevenueSplit is IRevenueSplitEvents, SplitState {
    address private immutable _BACK_OFFICE;

    constructor(address backOffice) {
        _BACK_OFFICE = backOffice;
    }

    /// @notice `distribute` and `claim` (IRevenueSplitPayouts), `pay` and `remit` (IRevenueSplitPayments); all else is
    ///         delegated to the back office.
    /// @dev These four are recognised and read by hand: the compiler's dispatch and decoding would cost the first two 400
    ///      gas each. What it would check of their arguments is implied, since every byte that is used must lead to the
    ///      commitment. Only the latter two take coin; they revert without data where an argument is missing.
    fallback() external payable {
        if (msg.value == 0) {
            if (msg.sig == IRevenueSplitPayouts.distribute.selector) _distribute(_bytesAt(4), _addressAt(36));
            if (msg.sig == IRevenueSplitPayouts.claim.selector) _claim(_addressAt(4), _bytesAt(36), _addressAt(68));
        }
        if (msg.sig == IRevenueSplitPayments.pay.selector) {
            _checkLength(3);
            _pay(_wordAt(4), _addressAt(36), uint256(_wordAt(68)));
        } else if (msg.sig == IRevenueSplitPayments.remit.selector) {
            _checkLength(5);
            _remit(_wordAt(4), _addressAt(36), uint256(_wordAt(68)), _wordAt(100), uint256(_wordAt(132)));
        } else {
            // The back office cannot tell the front from a clone of it.
            if (address(this) == _SELF) revert NotASplit();
            address backOffice = _BACK_OFFICE;
            assembly {
                if callvalue() { revert(0, 0) }
                calldatacopy(0, 0, calldatasize())
                let done := delegatecall(gas(), backOffice, 0, calldatasize(), 0, 0)
                returndatacopy(0, 0, returndatasize())
                if done { return(0, returndatasize()) }
                revert(0, returndatasize())
            }
        }
    }

    /// @dev The clone's own words stand behind the calldata, and are not to be read as arguments that are missing.
    function _checkLength(uint256 arguments) private pure {
        if (msg.data.length < 4 + 32 * (arguments + _cloneWords())) revert();
    }

    /// @dev How many words the clones carry.
    function _cloneWords() internal pure virtual returns (uint256) {
        return 1;
    }

    function _wordAt(uint256 offset) private pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := calldataload(offset)
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

    /// @dev Ends the call.
    function _answer(uint256 sent, uint256 credited) private pure {
        assembly ("memory-safe") {
            mstore(0x00, sent)
            mstore(0x20, credited)
            return(0x00, 0x40)
        }
    }

    // ------------------------------------------------------------------ money in

    /// @dev IRevenueSplitPayments.pay.
    function _pay(bytes32 saleId, address token, uint256 amount) private {
        _once(_sales, saleId);
        emit SalePaid(msg.sender, saleId, token, _collect(token, amount));
    }

    /// @dev IRevenueSplitPayments.remit.
    function _remit(bytes32 batchId, address token, uint256 amount, bytes32 root, uint256 count) private {
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

    /// @dev What both begin with: the terms are those in force, and the books are open.
    function _openFor(bytes32 commitment, address token) private view returns (Books books, uint256 revenue) {
        _check(commitment, token);
        (books, revenue) = _open(token);
    }

    /// @dev IRevenueSplitPayouts.distribute. Ends the call.
    function _distribute(bytes calldata terms, address token) private {
        (Books books, uint256 to) = _openFor(Terms.commitmentOf(terms), token);
        if (to <= books.distributed()) {
            _afterDistribution(token, books.distributed());
            _answer(0, 0);
        }

        LOCKED.store(token);
        uint256 sent;
        uint256 credited;
        bool ahead;
        if (books.claimedAlone()) {
            (sent, credited, ahead) = _payEachFromItsMark(terms, token, books, to);
        } else {
            uint256 plan = MoneyRule.plan(Terms.headerOf(terms), token, _base(token), books.distributed(), to);
            (uint256 entry, uint256 end) = Terms.entriesOf(terms);
            (sent, credited) = _payFrom(plan, entry, end, token);
        }
        unchecked {
            toBooks(to, books.paidOut() + sent, ahead).store(token);
        }
        emit Distributed(token, books.distributed(), to);
        _afterDistribution(token, to);
        _answer(sent, credited);
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
                uint256 plan = MoneyRule.plan(header, token, _base(token), own, to);
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

    /// @dev IRevenueSplitPayouts.claim. Ends the call. What lib/Books.sol offers is written out here, and once only: a
    ///      payee may pay for this every month, and eight calls to helpers would add a tenth to what we spend ourselves.
    function _claim(address payee, bytes calldata proof, address token) private {
        (bytes32 commitment, uint256 entry) = Terms.commitmentOf(proof, payee);
        (Books books, uint256 to) = _openFor(commitment, token);
        uint256 slot;
        uint256 account;
        uint256 from;
        assembly ("memory-safe") {
            mstore(0x14, payee)
            mstore(0x00, token)
            slot := keccak256(0x0c, 0x28)
            account := sload(slot)
            // The larger of the two marks.
            from := shr(128, books)
            let own := shr(128, account)
            from := xor(from, mul(xor(from, own), gt(own, from)))
        }
        if (from >= to) revert NothingDue(payee, token);
        uint256 amount = MoneyRule.earnedAlone(Terms.headerOf(proof), entry, token, _base(token), from, to);
        if (amount == 0) revert NothingDue(payee, token);

        bytes32 claimed = Claimed.selector;
        assembly ("memory-safe") {
            mstore(0x00, to)
            mstore(0x20, amount)
            log3(0x00, 0x40, claimed, payee, token)
            // The mark moves, the credit stays; what is paid out grows, and somebody has claimed alone.
            sstore(slot, or(shl(128, to), shr(128, shl(128, account))))
            books := or(add(books, shl(1, amount)), 1)
            if iszero(token) {
                // The coin has left when its payee is called: the books are true already and need no lock.
                sstore(token, books)
                if call(gas(), payee, amount, 0, 0, 0, 0) {
                    mstore(0x00, amount)
                    return(0x00, 0x20)
                }
            }
        }
        if (token != Asset.COIN) {
            LOCKED.store(token);
            if (Asset.send(token, payee, amount)) {
                books.store(token);
                assembly ("memory-safe") {
                    mstore(0x00, amount)
                    return(0x00, 0x20)
                }
            }
        }
        revert PaymentFailed(token, payee, amount);
    }
}
