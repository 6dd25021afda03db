// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account, Books, toAccount, toBooks} from "../lib/Books.sol";
import {Asset} from "../lib/Asset.sol";
import {Calldata} from "../lib/Calldata.sol";
import {Delivery} from "../lib/Delivery.sol";
import {IRevenueSplitOffice, Stretch} from "./IRevenueSplit.sol";
import {Lock} from "../lib/Lock.sol";
import {MoneyRule} from "../lib/MoneyRule.sol";
import {Payout} from "../lib/Payout.sol";
import {SplitState} from "./SplitState.sol";
import {Terms} from "../lib/Terms.sol";

/// @title The front of a split: what is done every day. All else is delegated to the back office (SplitOffice.sol).
/// @dev Two contracts behind one address, because the compiler looks for a function by comparing selectors one after the
///      other: among four, `distribute` and `claim` cost 440 and 220 gas less than among all.
abstract contract SplitMoney is SplitState {
    /// @dev For one payment in a call of its own: the payment, two looks at the settlement token, and as much again as tells a
    ///      failure of the payee's own.
    uint256 private constant _DELIVERY_GAS = 900_000;
    /// @dev Payments made at once. More would cost less, and more would have to be made again where one is undone: then four
    ///      hundred payees would not fit into a transaction.
    uint256 private constant _BATCH = 50;

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

    function _distribute(bytes calldata terms, address token) internal returns (uint256 sent, uint256 credited) {
        address settlement = Terms.settlementToken(Terms.accept(terms, _inForce(token)));
        (Books books,, uint256 to) = _open(token);
        uint256 mark = books.distributed();
        if (to <= mark) {
            _afterDistribution(token, mark);
            return (0, 0);
        }
        Lock.take(token);
        (uint256 entry, uint256 end) = Terms.entriesOf(terms);
        bool alone = books.claimedAlone();
        if (settlement != Asset.COIN || token != Asset.COIN) {
            if (token != settlement) _requireGuardable(token, settlement);
            (sent, credited, alone) =
                _payInBatches(terms, entry, end, Stretch(token, settlement, mark, to, alone));
        } else if (alone) {
            (sent, credited, alone) = _payEach(terms, entry, end, Stretch(token, settlement, mark, to, true), false);
        } else {
            (sent, credited) = _pay(terms, entry, end, token, mark, to);
        }
        if (credited != 0) _noteSettlementToken(settlement);
        _books[token] = toBooks(to, books.paidOut() + sent, alone);
        Lock.release(token);
        emit Distributed(token, mark, to);
        _afterDistribution(token, to);
    }

    /// @dev As many payments as make a batch at once, in a call of the split to itself. An answer that is not clear, or a
    ///      balance that may not fall, undoes that, and then each of them is made in a call of its own, and each that is left:
    ///      so no more than one batch is made twice. (Coin that settles is either accepted or not, and lowers nothing else:
    ///      there is nothing to undo.)
    function _payInBatches(bytes calldata terms, uint256 entry, uint256 end, Stretch memory s)
        private
        returns (uint256 sent, uint256 credited, bool alone)
    {
        uint256 start = Calldata.start(terms);
        unchecked {
            uint256 batch = _BATCH * Terms.strideOf(Terms.tierCount(start));
            for (uint256 next; entry != end; entry = next) {
                next = end - entry > batch ? entry + batch : end;
                uint256 paid;
                uint256 aside;
                bool ahead;
                try this.payBatch(terms, entry - start, next - start, s) returns (uint256 p, uint256 c, bool a) {
                    (paid, aside, ahead) = (p, c, a);
                } catch {
                    next = end;
                    (paid, aside, ahead) = _payEach(terms, entry, next, s, true);
                }
                (sent, credited, alone) = (sent + paid, credited + aside, alone || ahead);
            }
        }
    }

    /// @notice IRevenueSplitPayouts.payBatch
    function payBatch(bytes calldata terms, uint256 from, uint256 until, Stretch calldata stretch)
        external
        returns (uint256 sent, uint256 credited, bool alone)
    {
        if (msg.sender != address(this)) revert Delivery.OnlyItself();
        Stretch memory s = stretch;
        uint256 start = Calldata.start(terms);
        unchecked {
            (from, until) = (start + from, start + until);
        }
        if (s.token == s.settlement) return _payBatch(terms, from, until, s);
        uint256 held = Asset.balance(s.token);
        (uint256 coins, uint256 units) = _guard(s.token, s.settlement);
        (sent, credited, alone) = _payBatch(terms, from, until, s);
        _unguard(s.token, s.settlement, held, coins, units);
    }

    function _payBatch(bytes calldata terms, uint256 entry, uint256 end, Stretch memory s)
        private
        returns (uint256 sent, uint256 credited, bool alone)
    {
        if (s.alone) return _payEach(terms, entry, end, s, false);
        (sent, credited) = _pay(terms, entry, end, s.token, s.mark, s.to);
    }

    /// @dev What mostly happens: nobody has claimed alone, so that all are paid from the same mark on, by one plan.
    function _pay(bytes calldata terms, uint256 entry, uint256 end, address token, uint256 mark, uint256 to)
        private
        returns (uint256 sent, uint256 credited)
    {
        uint256 header = Calldata.start(terms);
        uint256 stride = Terms.strideOf(Terms.tierCount(header));
        uint256 plan = MoneyRule.plan(header, token, _base(token), mark, to);
        uint256 amount;
        bool called;
        (entry, sent, amount, called) = Payout.run(plan, entry, end, stride, token);
        while (entry != end) {
            address payee = Terms.payeeAt(entry);
            if (Delivery.judge(token, payee, amount, 0, called)) {
                sent += amount;
            } else {
                credited += amount;
                _credit(token, payee, amount);
            }
            uint256 paid;
            (entry, paid, amount, called) = Payout.run(plan, entry + stride, end, stride, token);
            sent += paid;
        }
    }

    /// @dev Payee by payee, by the rule as it is written: where somebody has claimed alone, each is paid from its own mark on,
    ///      if that is further.
    /// @param apart Whether each payment is made in a call of its own, that can be undone.
    /// @return sent Units that left.
    /// @return credited Units set aside.
    /// @return alone Whether somebody may stand beyond the stretch, of these payees or of others.
    function _payEach(bytes calldata terms, uint256 entry, uint256 end, Stretch memory s, bool apart)
        private
        returns (uint256 sent, uint256 credited, bool alone)
    {
        uint256 header = Calldata.start(terms);
        alone = !_samePayees(s.token);
        for (; entry != end; entry += Terms.strideOf(Terms.tierCount(header))) {
            address payee = Terms.payeeAt(entry);
            uint256 from = s.mark;
            if (s.alone) {
                uint256 own = _accounts[s.token][payee].mark();
                if (own > s.to) alone = true;
                if (own > from) from = own;
            }
            uint256 amount = MoneyRule.earned(header, entry, s.token, _base(s.token), from, s.to);
            if (amount == 0) continue;
            if (apart ? _payOne(s, payee, amount) : Delivery.attempt(s.token, payee, amount, 0)) {
                sent += amount;
            } else {
                credited += amount;
                _credit(s.token, payee, amount);
            }
        }
        alone = alone && s.alone;
    }

    /// @dev Pays one of many in a call of its own, whose failure must not stop the others.
    function _payOne(Stretch memory s, address payee, uint256 amount) private returns (bool paid) {
        try IRevenueSplitOffice(address(this)).deliver{gas: _DELIVERY_GAS}(s.token, payee, amount, s.settlement)
        returns (bool paid_) {
            return paid_;
        } catch {
            Delivery.requireGas(_DELIVERY_GAS);
            return false;
        }
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
