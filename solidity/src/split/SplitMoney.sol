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
        if (token == Asset.COIN && settlement == Asset.COIN) {
            if (alone) (sent, credited) = _payEach(terms, entry, end, token, mark, to, true, false);
            else (sent, credited) = _pay(terms, entry, end, token, mark, to);
        } else {
            if (token != settlement) _requireGuardable(token, settlement);
            (sent, credited) = _payInBatches(terms, entry, end, token, mark, to, alone);
        }
        if (alone) alone = _isAnyAhead(terms, token, to);
        if (credited != 0) _noteSettlementToken(settlement);
        _books[token] = toBooks(to, books.paidOut() + sent, alone);
        Lock.release(token);
        emit Distributed(token, mark, to);
        _afterDistribution(token, to);
    }

    /// @dev As many payments as make a batch at once, in a call of the split to itself. An answer that is not clear, or a
    ///      balance that may not fall, undoes that, and then each of them is made in a call of its own, and each that is left:
    ///      so not every batch is made twice. Once a batch alone is, if two balances seemed to be one: a payee may have made
    ///      them equal, and each payment by itself shows that they are two. (Coin that settles is either accepted or not, and
    ///      lowers nothing else: there is nothing to undo.)
    /// @param claimed Whether somebody may have claimed beyond `mark`.
    /// @return sent Units that left.
    /// @return credited Units set aside.
    function _payInBatches(
        bytes calldata terms,
        uint256 entry,
        uint256 end,
        address token,
        uint256 mark,
        uint256 to,
        bool claimed
    ) private returns (uint256 sent, uint256 credited) {
        uint256 start = Calldata.start(terms);
        unchecked {
            uint256 batch = _BATCH * Terms.strideOf(Terms.tierCount(start));
            bool undone;
            for (uint256 next; entry != end; entry = next) {
                next = end - entry > batch ? entry + batch : end;
                uint256 paid;
                uint256 aside;
                try this.payAtOnce(terms, entry - start, next - start, token, mark, to, claimed) returns (
                    uint256 p, uint256 c
                ) {
                    (paid, aside) = (p, c);
                } catch (bytes memory reason) {
                    if (undone || bytes4(reason) != BalanceShared.selector) next = end;
                    undone = true;
                    (paid, aside) = _payEach(terms, entry, next, token, mark, to, claimed, true);
                }
                (sent, credited) = (sent + paid, credited + aside);
            }
        }
    }

    /// @notice IRevenueSplitPayouts.payAtOnce
    function payAtOnce(
        bytes calldata terms,
        uint256 from,
        uint256 until,
        address token,
        uint256 mark,
        uint256 to,
        bool claimed
    ) external returns (uint256 sent, uint256 credited) {
        if (msg.sender != address(this)) revert Delivery.OnlyItself();
        uint256 start = Calldata.start(terms);
        unchecked {
            (from, until) = (start + from, start + until);
        }
        address settlement = Terms.settlementToken(start);
        uint256 held;
        uint256 coins;
        uint256 units;
        if (token != settlement) (held, coins, units) = _guard(token, settlement);
        if (claimed) (sent, credited) = _payEach(terms, from, until, token, mark, to, true, false);
        else (sent, credited) = _pay(terms, from, until, token, mark, to);
        if (token != settlement) _unguard(token, settlement, held, coins, units);
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
    /// @param claimed Whether somebody has, maybe.
    /// @param apart Whether each payment is made in a call of its own, that can be undone.
    function _payEach(
        bytes calldata terms,
        uint256 entry,
        uint256 end,
        address token,
        uint256 mark,
        uint256 to,
        bool claimed,
        bool apart
    ) private returns (uint256 sent, uint256 credited) {
        uint256 header = Calldata.start(terms);
        for (; entry != end; entry += Terms.strideOf(Terms.tierCount(header))) {
            address payee = Terms.payeeAt(entry);
            uint256 from = mark;
            if (claimed) {
                uint256 own = _accounts[token][payee].mark();
                if (own > from) from = own;
            }
            uint256 amount = MoneyRule.earned(header, entry, token, _base(token), from, to);
            if (amount == 0) continue;
            bool paid = apart
                ? _payOne(token, payee, amount, Terms.settlementToken(header))
                : Delivery.attempt(token, payee, amount, 0);
            if (paid) {
                sent += amount;
            } else {
                credited += amount;
                _credit(token, payee, amount);
            }
        }
    }

    /// @dev Whether somebody may stand beyond `to`, of these payees or of others.
    function _isAnyAhead(bytes calldata terms, address token, uint256 to) private view returns (bool) {
        if (!_samePayees(token)) return true;
        (uint256 entry, uint256 end) = Terms.entriesOf(terms);
        for (; entry != end; entry += Terms.strideOf(Terms.tierCount(Calldata.start(terms)))) {
            if (_accounts[token][Terms.payeeAt(entry)].mark() > to) return true;
        }
        return false;
    }

    /// @dev Pays one of many in a call of its own, whose failure must not stop the others.
    function _payOne(address token, address payee, uint256 amount, address settlement) private returns (bool paid) {
        try IRevenueSplitOffice(address(this)).deliver{gas: _DELIVERY_GAS}(token, payee, amount, settlement) returns (
            bool paid_
        ) {
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
