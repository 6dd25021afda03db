// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account, Books, toAccount, toBooks} from "../lib/Books.sol";
import {Asset} from "../lib/Asset.sol";
import {Calldata} from "../lib/Calldata.sol";
import {Delivery} from "../lib/Delivery.sol";
import {IRevenueSplitOffice} from "./IRevenueSplit.sol";
import {Lock} from "../lib/Lock.sol";
import {MoneyRule} from "../lib/MoneyRule.sol";
import {Payout} from "../lib/Payout.sol";
import {SplitState} from "./SplitState.sol";
import {Terms} from "../lib/Terms.sol";

/// @title The front of a split: what is done every day. All else is delegated to the back office (SplitOffice.sol).
/// @dev Two contracts behind one address, because the compiler looks for a function by comparing selectors one after the
///      other: among four, `distribute` and `claim` cost 440 and 220 gas less than among all.
abstract contract SplitMoney is SplitState {
    /// @dev For a payment that may not lower other balances: the payment, two looks at the settlement token, and as much again
    ///      as tells a failure of the payee's own.
    uint256 private constant _GUARDED = 900_000;

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

    /// @dev A distribution, and what it has come to so far.
    /// @param token What is distributed.
    /// @param settlement The settlement token.
    /// @param mark Revenue up to which everybody has been paid before.
    /// @param to Revenue up to which everybody is paid now.
    /// @param held Units held before.
    /// @param alone Whether somebody may have claimed beyond `mark`; in the end, whether somebody may stand beyond `to`.
    /// @param sent Units that left.
    /// @param credited Units set aside.
    struct Tally {
        address token;
        address settlement;
        uint256 mark;
        uint256 to;
        uint256 held;
        bool alone;
        uint256 sent;
        uint256 credited;
    }

    function _distribute(bytes calldata terms, address token) internal returns (uint256 sent, uint256 credited) {
        address settlement = Terms.settlementToken(Terms.accept(terms, _inForce(token)));
        (Books books, uint256 held, uint256 to) = _open(token);
        uint256 mark = books.distributed();
        if (to <= mark) {
            _afterDistribution(token, mark);
            return (0, 0);
        }
        Lock.take(token);
        bool alone = books.claimedAlone();
        if (alone || token != settlement) {
            Tally memory tally = Tally(token, settlement, mark, to, held, alone, 0, 0);
            _payOneByOne(terms, tally);
            (sent, credited, alone) = (tally.sent, tally.credited, tally.alone);
        } else {
            (sent, credited) = _payAll(terms, token, mark, to, held);
        }
        if (credited != 0) _noteSettlementToken(settlement);
        _books[token] = toBooks(to, books.paidOut() + sent, alone);
        Lock.release(token);
        emit Distributed(token, mark, to);
        _afterDistribution(token, to);
    }

    /// @dev What mostly happens: the settlement token is distributed, and nobody has claimed alone.
    function _payAll(bytes calldata terms, address token, uint256 mark, uint256 to, uint256 held)
        private
        returns (uint256 sent, uint256 credited)
    {
        uint256 plan = MoneyRule.plan(Calldata.start(terms), token, _base(token), mark, to);
        (uint256 entry, uint256 end) = Terms.entriesOf(terms);
        uint256 stride = Terms.strideOf(Terms.tierCount(Calldata.start(terms)));
        uint256 amount;
        bool called;
        (entry, sent, amount, called) = Payout.run(plan, entry, end, stride, token);
        if (entry == end) return (sent, 0);
        Tally memory tally = Tally(token, token, mark, to, held, false, sent, 0);
        while (entry != end) {
            uint256 left = Delivery.judge(token, amount, _heldNow(tally), called);
            _enter(tally, Terms.payeeAt(entry), amount, left);
            (entry, sent, amount, called) = Payout.run(plan, entry + stride, end, stride, token);
            tally.sent += sent;
        }
        return (tally.sent, tally.credited);
    }

    /// @dev Where somebody has claimed alone, each payee is paid from its own mark on, if that is further. Where another asset
    ///      than the settlement token is paid, each payment is made so that it lowers neither that nor the coin.
    function _payOneByOne(bytes calldata terms, Tally memory tally) private {
        uint256 header = Calldata.start(terms);
        if (tally.token != tally.settlement) _requireGuardable(tally.token, tally.settlement);
        bool alone = !_samePayees(tally.token); // somebody who is not in these terms may stand beyond `to`
        (uint256 entry, uint256 end) = Terms.entriesOf(terms);
        for (; entry != end; entry += Terms.strideOf(Terms.tierCount(header))) {
            address payee = Terms.payeeAt(entry);
            uint256 from = tally.mark;
            if (tally.alone) {
                uint256 own = _accounts[tally.token][payee].mark();
                if (own > tally.to) alone = true;
                if (own > from) from = own;
            }
            uint256 amount = MoneyRule.earned(header, entry, tally.token, _base(tally.token), from, tally.to);
            if (amount != 0) _enter(tally, payee, amount, _attempt(tally, payee, amount));
        }
        tally.alone = tally.alone && alone;
    }

    /// @dev Pays one of many, whose failure must not stop the others.
    function _attempt(Tally memory tally, address payee, uint256 amount) private returns (uint256 left) {
        (address token, uint256 held) = (tally.token, _heldNow(tally));
        if (token == tally.settlement) return Delivery.attempt(token, payee, amount, held);
        try IRevenueSplitOffice(address(this)).deliver{gas: _GUARDED}(token, payee, amount, held, tally.settlement)
        returns (uint256 left_) {
            return left_;
        } catch {
            Delivery.requireGas(_GUARDED);
            return 0;
        }
    }

    /// @dev What should be held by now. A token that took more than it was asked for shows as less; one that lies, as nothing.
    function _heldNow(Tally memory tally) private pure returns (uint256) {
        return tally.held > tally.sent ? tally.held - tally.sent : 0;
    }

    /// @dev What has left is sent, the rest is set aside.
    function _enter(Tally memory tally, address payee, uint256 amount, uint256 left) private {
        tally.sent += left;
        if (left == amount) return;
        tally.credited += amount - left;
        _credit(tally.token, payee, amount - left);
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
