// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account, Books, toAccount, toBooks} from "../lib/Books.sol";
import {Asset} from "../lib/Asset.sol";
import {Calldata} from "../lib/Calldata.sol";
import {Delivery} from "../lib/Delivery.sol";
import {IRevenueSplitPayments, IRevenueSplitPayouts} from "./IRevenueSplit.sol";
import {MoneyRule} from "../lib/MoneyRule.sol";
import {Payout} from "../lib/Payout.sol";
import {SplitState} from "./SplitState.sol";
import {Terms} from "../lib/Terms.sol";

/// @title The front of a split: what is done every day. All else is delegated to the back office (SplitOffice.sol).
/// @dev Two contracts behind one address, because the compiler looks for a function by comparing selectors one after the
///      other: among four, `distribute` and `claim` cost 440 and 220 gas less than among twenty-five.
abstract contract SplitMoney is SplitState {
    address private immutable _BACK_OFFICE;

    constructor(address backOffice) {
        _BACK_OFFICE = backOffice;
    }

    /// @notice All that is not here: IRevenueSplit.sol says what there is.
    fallback() external {
        // The back office cannot tell the front from a clone of it.
        if (address(this) == _SELF) revert NotASplit();
        (bool done, bytes memory answer) = _BACK_OFFICE.delegatecall(msg.data);
        assembly ("memory-safe") {
            if done { return(add(answer, 0x20), mload(answer)) }
            revert(add(answer, 0x20), mload(answer))
        }
    }

    // ------------------------------------------------------------------ money in

    /// @notice IRevenueSplitPayments.pay
    function pay(bytes32 saleId, address token, uint256 amount) external payable {
        _once(_sales, saleId);
        emit SalePaid(msg.sender, saleId, token, _collect(token, amount));
    }

    /// @notice IRevenueSplitPayments.remit
    function remit(bytes32 batchId, address token, uint256 amount, bytes32 root, uint256 count) external payable {
        _once(_batches, batchId);
        emit Remitted(msg.sender, batchId, token, _collect(token, amount), root, count);
    }

    function _collect(address token, uint256 amount) private returns (uint256 arrived) {
        if (token != Asset.COIN) {
            if (msg.value != 0) revert ValueMismatch(msg.value, 0);
            return _draw(token, amount);
        }
        if (amount == 0) revert NothingPaid();
        if (msg.value != amount) revert ValueMismatch(msg.value, amount);
        return amount;
    }

    // ------------------------------------------------------------------ everybody is paid

    /// @notice IRevenueSplitPayouts.distribute
    function distribute(bytes calldata terms, address token) external returns (uint256 sent, uint256 credited) {
        return _distribute(terms, token);
    }

    /// @dev What a distribution has come to so far.
    /// @param token What is distributed.
    /// @param stride Bytes of an entry.
    /// @param to Revenue up to which everybody is paid.
    /// @param held Units held before.
    /// @param sent Units that left.
    /// @param credited Units set aside.
    /// @param ahead Whether somebody's own mark lies beyond the revenue: it claimed before a token took balance away.
    struct Tally {
        address token;
        uint256 stride;
        uint256 to;
        uint256 held;
        uint256 sent;
        uint256 credited;
        bool ahead;
    }

    function _distribute(bytes calldata terms, address token) internal returns (uint256 sent, uint256 credited) {
        address settlement = Terms.settlementToken(Terms.accept(terms, _inForce(token)));
        (Books books, uint256 held, uint256 to) = _open(token);
        uint256 mark = books.distributed();
        if (to <= mark) {
            _afterDistribution(token, mark);
            return (0, 0);
        }
        (uint256 coins, uint256 units) = _begin(token, settlement);
        bool ahead = false;
        if (books.claimedAlone()) {
            (sent, credited, ahead) = _payEachFromItsMark(terms, mark, _tally(terms, token, to, held, 0));
        } else {
            (sent, credited) = _payAll(terms, token, mark, to, held);
        }
        if (credited != 0) _noteSettlementToken(settlement);
        unchecked {
            _books[token] = toBooks(to, books.paidOut() + sent, ahead);
        }
        _end(token, settlement, coins, units);
        emit Distributed(token, mark, to);
        _afterDistribution(token, to);
    }

    function _tally(bytes calldata terms, address token, uint256 to, uint256 held, uint256 sent)
        private
        pure
        returns (Tally memory)
    {
        return Tally(token, Terms.strideOf(Terms.tierCount(Calldata.start(terms))), to, held, sent, 0, false);
    }

    /// @dev Pays everybody for the revenue from `mark` on.
    function _payAll(bytes calldata terms, address token, uint256 mark, uint256 to, uint256 held)
        private
        returns (uint256 sent, uint256 credited)
    {
        uint256 plan = MoneyRule.plan(Calldata.start(terms), token, _base(token), mark, to);
        (uint256 entry, uint256 end) = Terms.entriesOf(terms);
        uint256 amount;
        bool called;
        uint256 stride = Terms.strideOf(Terms.tierCount(Calldata.start(terms)));
        (entry, sent, amount, called) = Payout.run(plan, entry, end, stride, token);
        if (entry == end) return (sent, 0);
        Tally memory tally = _tally(terms, token, to, held, sent);
        _afterFailure(entry, amount, called, tally);
        _payFrom(plan, entry + tally.stride, end, tally);
        return (tally.sent, tally.credited);
    }

    /// @dev The same where somebody has claimed alone: each payee from its own mark on, if that is further.
    function _payEachFromItsMark(bytes calldata terms, uint256 mark, Tally memory tally)
        private
        returns (uint256 sent, uint256 credited, bool ahead)
    {
        (uint256 entry, uint256 end) = Terms.entriesOf(terms);
        unchecked {
            for (; entry != end; entry += tally.stride) {
                uint256 own = _accounts[tally.token][Terms.payeeAt(entry)].mark();
                if (own > tally.to) tally.ahead = true;
                if (own < tally.to) _payOne(Calldata.start(terms), entry, own > mark ? own : mark, tally);
            }
        }
        return (tally.sent, tally.credited, tally.ahead);
    }

    /// @dev Pays the payee at `entry` for the revenue from `mark` on.
    function _payOne(uint256 header, uint256 entry, uint256 mark, Tally memory tally) private {
        uint256 free = MoneyRule.freeMemory();
        uint256 plan = MoneyRule.plan(header, tally.token, _base(tally.token), mark, tally.to);
        _payFrom(plan, entry, entry + tally.stride, tally);
        // Every plan in the same place: memory stays small and gas linear.
        MoneyRule.freeAgain(free);
    }

    /// @dev Pays the entries from `entry` up to `end` by one plan.
    function _payFrom(uint256 plan, uint256 entry, uint256 end, Tally memory tally) private {
        while (entry != end) {
            (uint256 stopped, uint256 sent, uint256 amount, bool called) = 
                Payout.run(plan, entry, end, tally.stride, tally.token);
            tally.sent += sent;
            if (stopped == end) return;
            _afterFailure(stopped, amount, called, tally);
            entry = stopped + tally.stride;
        }
    }

    /// @dev What a payment that was no clean success has brought its payee, and what is set aside of it.
    function _afterFailure(uint256 entry, uint256 amount, bool called, Tally memory tally) private {
        // More can have left than was held only where a token lies about one or the other.
        uint256 before = tally.held > tally.sent ? tally.held - tally.sent : 0;
        uint256 left = Delivery.judge(tally.token, amount, before, called);
        tally.sent += left;
        if (left == amount) return;
        tally.credited += amount - left;
        _credit(tally.token, Terms.payeeAt(entry), amount - left);
    }

    function _credit(address token, address payee, uint256 amount) private {
        Account account = _accounts[token][payee];
        _accounts[token][payee] = toAccount(account.mark(), account.credit() + amount);
        _afterCredit(token, payee, amount);
        emit Credited(payee, token, amount);
    }

    function _noteSettlementToken(address settlement) private {
        if (settlement != Asset.COIN && _settlementToken == address(0)) _settlementToken = settlement;
    }

    // ------------------------------------------------------------------ one is paid

    /// @notice IRevenueSplitPayouts.claim
    function claim(address payee, bytes calldata proof, address token) external returns (uint256 amount) {
        (uint256 header, uint256 entry) = Terms.accept(proof, payee, _inForce(token));
        (Books books, uint256 held, uint256 to) = _open(token);
        amount = _enterClaim(header, entry, payee, token, books, to);
        Books after_ = toBooks(books.distributed(), books.paidOut() + amount, true);
        _payOut(token, payee, amount, held, after_, Terms.settlementToken(header));
    }

    /// @dev The payee's own mark moves to `to`, and what it has earned on the way is its to be paid.
    function _enterClaim(uint256 header, uint256 entry, address payee, address token, Books books, uint256 to)
        private
        returns (uint256 amount)
    {
        Account account = _accounts[token][payee];
        amount = MoneyRule.earned(header, entry, token, _base(token), _markOf(books, account), to);
        if (amount == 0) revert NothingDue(payee, token);
        _accounts[token][payee] = toAccount(to, account.credit());
        emit Claimed(payee, token, to, amount);
    }
}
