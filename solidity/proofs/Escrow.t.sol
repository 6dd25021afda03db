// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Anything} from "./Anything.sol";
import {Shipped} from "./Shipped.sol";
import {svm, vm} from "./Cheats.sol";

interface IEscrow {
    enum State {
        None,
        Held,
        Disputed,
        Done
    }

    struct Terms {
        address split;
        bytes32 saleId;
        address token;
        uint256 amount;
        address seller;
        address arbiter;
        uint64 deadline;
        uint64 decisionDeadline;
        bool refundByDefault;
    }

    struct Sale {
        address buyer;
        uint40 deadline;
        uint40 decisionDeadline;
        bool refundByDefault;
        State state;
        address token;
        address seller;
        address arbiter;
        uint256 amount;
    }

    function open(Terms calldata terms) external payable;
    function openWithPermit(Terms calldata terms, uint256 until, uint8 v, bytes32 r, bytes32 s) external;
    function confirm(address split, bytes32 saleId) external;
    function dispute(address split, bytes32 saleId) external;
    function refund(address split, bytes32 saleId) external;
    function decide(address split, bytes32 saleId, uint256 amountToBuyer) external;
    function release(address split, bytes32 saleId) external;
    function settleByDefault(address split, bytes32 saleId) external;
    function withdrawCredit(address payee, address token) external returns (uint256);
    function redirectCredit(address to, address token) external returns (uint256);
    function payIn(address split, bytes32 saleId, address token, uint256 amount) external;
    function sale(address split, bytes32 saleId) external view returns (Sale memory);
    function credit(address payee, address token) external view returns (uint256);
}

/// @title An escrow in any state, with one sale in it that proofs look at.
abstract contract AnyEscrow {
    IEscrow internal escrow = IEscrow(Shipped.deploy("SaleEscrow", ""));
    Anything internal token = new Anything();
    Anything internal buyer = new Anything();
    Anything internal split = new Anything();
    bytes32 internal id;
    uint256 internal time;

    function _step(IEscrow.Sale memory before, bool done, bool may, IEscrow.State to) internal view {
        assert(!done || may);
        IEscrow.Sale memory after_ = escrow.sale(address(split), id);
        if (done) before.state = to;
        _unchanged(before, after_);
    }

    function _unchanged(IEscrow.Sale memory before, IEscrow.Sale memory after_) internal pure {
        assert(keccak256(abi.encode(before)) == keccak256(abi.encode(after_)));
    }

    function _unsettled(IEscrow.Sale memory sale) internal pure returns (bool) {
        return sale.state == IEscrow.State.Held || sale.state == IEscrow.State.Disputed;
    }

    function _credits() internal view returns (uint256) {
        return escrow.credit(address(buyer), address(0)) + escrow.credit(address(split), address(0));
    }

    /// @dev A sale in any state, in coin or in the token, of the buyer's if it was opened.
    function _anySale(bool coin) internal returns (IEscrow.Sale memory sale) {
        id = svm.createBytes32("id");
        time = svm.createUint256("time");
        vm.assume(time < 2 ** 40);
        vm.warp(time);
        svm.enableSymbolicStorage(address(escrow));
        sale = escrow.sale(address(split), id);
        vm.assume(sale.token == (coin ? address(0) : address(token)));
        vm.assume(sale.buyer == address(buyer));
    }

    function _anyTerms(uint256 amount, bool coin) internal returns (IEscrow.Terms memory) {
        return IEscrow.Terms(
            address(split),
            id,
            coin ? address(0) : address(token),
            amount,
            svm.createAddress("seller"),
            svm.createAddress("arbiter"),
            uint64(svm.createUint256("deadline")),
            uint64(svm.createUint256("decision_deadline")),
            svm.createBool("refund_by_default")
        );
    }

    function _call(address who, uint256 value, bytes memory data) internal returns (bool done) {
        vm.deal(who, value);
        vm.prank(who);
        (done,) = address(escrow).call{value: value}(data);
    }
}

/// @title The life of a sale in escrow: who may take which step when, and that its money leaves at most once.
/// @dev One step from any state, at any time, by anybody. Buyer, split and token are contracts that may do anything.
contract EscrowProof is AnyEscrow {
    // ------------------------------------------------------------------ one proof a step

    function check_confirm(address caller, bool coin) external {
        IEscrow.Sale memory before = _anySale(coin);
        bool done = _call(caller, 0, abi.encodeCall(escrow.confirm, (address(split), id)));
        _step(before, done, _unsettled(before) && caller == before.buyer, IEscrow.State.Done);
    }

    function check_refund(address caller, bool coin) external {
        IEscrow.Sale memory before = _anySale(coin);
        bool done = _call(caller, 0, abi.encodeCall(escrow.refund, (address(split), id)));
        _step(before, done, _unsettled(before) && caller == before.seller, IEscrow.State.Done);
    }

    function check_release(address caller, bool coin) external {
        IEscrow.Sale memory before = _anySale(coin);
        bool done = _call(caller, 0, abi.encodeCall(escrow.release, (address(split), id)));
        _step(before, done, before.state == IEscrow.State.Held && time >= before.deadline, IEscrow.State.Done);
    }

    function check_decide(address caller, bool coin, uint256 amountToBuyer) external {
        IEscrow.Sale memory before = _anySale(coin);
        bool done = _call(caller, 0, abi.encodeCall(escrow.decide, (address(split), id, amountToBuyer)));
        bool may = before.state == IEscrow.State.Disputed && caller == before.arbiter && time < before.decisionDeadline;
        _step(before, done, may && amountToBuyer <= before.amount, IEscrow.State.Done);
    }

    function check_settle_by_default(address caller, bool coin) external {
        IEscrow.Sale memory before = _anySale(coin);
        bool done = _call(caller, 0, abi.encodeCall(escrow.settleByDefault, (address(split), id)));
        bool may = before.state == IEscrow.State.Disputed && time >= before.decisionDeadline;
        _step(before, done, may, IEscrow.State.Done);
    }

    function check_dispute(address caller, bool coin) external {
        IEscrow.Sale memory before = _anySale(coin);
        bool done = _call(caller, 0, abi.encodeCall(escrow.dispute, (address(split), id)));
        bool may = before.state == IEscrow.State.Held && caller == before.buyer && time < before.deadline;
        _step(before, done, may && before.arbiter != address(0), IEscrow.State.Disputed);
    }

    function check_open(address caller, uint256 amount, bool coin) external {
        IEscrow.Sale memory before = _anySale(coin);
        IEscrow.Terms memory terms = _anyTerms(amount, coin);
        bool done = _call(caller, coin ? amount : 0, abi.encodeCall(escrow.open, (terms)));
        IEscrow.Sale memory after_ = escrow.sale(address(split), id);
        if (!done) return _unchanged(before, after_);
        assert(before.state == IEscrow.State.None && after_.state == IEscrow.State.Held);
        assert(after_.buyer == caller && after_.seller == terms.seller && after_.arbiter == terms.arbiter);
        assert(after_.buyer != after_.seller && after_.seller != after_.arbiter && after_.buyer != after_.arbiter);
        assert(after_.deadline == terms.deadline && after_.deadline > time);
        assert(after_.decisionDeadline == terms.decisionDeadline);
        assert((after_.arbiter == address(0)) == (after_.decisionDeadline == 0));
        assert(!coin || after_.amount == amount);
        assert(after_.amount > 0 && after_.amount < 2 ** 127);
    }

    function check_open_with_permit(address caller, uint256 amount) external {
        IEscrow.Sale memory before = _anySale(false);
        bool done =
            _call(caller, 0, abi.encodeCall(escrow.openWithPermit, (_anyTerms(amount, false), 1, 27, bytes32(0), bytes32(0))));
        IEscrow.Sale memory after_ = escrow.sale(address(split), id);
        if (!done) return _unchanged(before, after_);
        assert(before.state == IEscrow.State.None && after_.state == IEscrow.State.Held && after_.buyer == caller);
    }

    // ------------------------------------------------------------------ steps of others

    function check_withdrawing_a_credit_changes_no_sale(address caller, bool coin) external {
        IEscrow.Sale memory before = _anySale(coin);
        _call(caller, 0, abi.encodeCall(escrow.withdrawCredit, (address(buyer), before.token)));
        _unchanged(before, escrow.sale(address(split), id));
    }

    function check_redirecting_a_credit_changes_no_sale(bool coin) external {
        IEscrow.Sale memory before = _anySale(coin);
        _call(address(buyer), 0, abi.encodeCall(escrow.redirectCredit, (address(split), before.token)));
        _unchanged(before, escrow.sale(address(split), id));
    }

    function check_a_credit_leaves_once(uint256 held) external {
        _anySale(true);
        vm.deal(address(escrow), held);
        uint256 credit = escrow.credit(address(buyer), address(0));
        bool done = _call(address(split), 0, abi.encodeCall(escrow.withdrawCredit, (address(buyer), address(0))));
        assert(escrow.credit(address(buyer), address(0)) == (done ? 0 : credit));
        assert(address(escrow).balance == held - (done ? credit : 0));
    }

    function check_nobody_else_pays_in(address caller, uint256 amount, bool coin) external {
        IEscrow.Sale memory before = _anySale(coin);
        vm.assume(caller != address(escrow));
        assert(!_call(caller, 0, abi.encodeCall(escrow.payIn, (address(split), id, before.token, amount))));
    }

    // ------------------------------------------------------------------ money

    /// @dev What a settlement takes from the balance, and what it sets aside, is the sale's amount; anything else moves none.
    function check_money_leaves_once(bool refunded, uint256 held) external {
        IEscrow.Sale memory before = _anySale(true);
        vm.deal(address(escrow), held);
        vm.assume(before.amount < 2 ** 127 && before.seller == address(this));
        vm.assume(_credits() < 2 ** 200);
        uint256 credits = _credits();
        bool done = refunded
            ? _call(before.seller, 0, abi.encodeCall(escrow.refund, (address(split), id)))
            : _call(before.buyer, 0, abi.encodeCall(escrow.confirm, (address(split), id)));
        assert(held - address(escrow).balance + (_credits() - credits) == (done ? before.amount : 0));
    }

    /// @dev While it delivers, nobody it calls gets anything done here.
    function check_no_step_within_a_step(uint256 which) external {
        IEscrow.Sale memory before = _anySale(true);
        bytes memory inside = abi.encodeCall(escrow.confirm, (address(split), id));
        if (which == 1) inside = abi.encodeCall(escrow.release, (address(split), id));
        if (which == 2) inside = abi.encodeCall(escrow.withdrawCredit, (address(buyer), address(0)));
        buyer.callInside(address(escrow), 0, inside);
        split.callInside(address(escrow), 0, inside);
        _call(before.seller, 0, abi.encodeCall(escrow.refund, (address(split), id)));
        assert(!buyer.insideSucceeded() && !split.insideSucceeded());
    }
}

/// @title The opposite of what the proofs above rely on: each claim is false, and halmos must find out.
contract EscrowWitness is AnyEscrow {
    function check_nothing_is_ever_opened(uint256 amount) external {
        _anySale(true);
        assert(!_call(address(buyer), amount, abi.encodeCall(escrow.open, (_anyTerms(amount, true)))));
    }

    function check_nothing_is_ever_confirmed() external {
        IEscrow.Sale memory sale = _anySale(true);
        assert(!_call(sale.buyer, 0, abi.encodeCall(escrow.confirm, (address(split), id))));
    }

    function check_nothing_is_ever_decided(uint256 amountToBuyer) external {
        IEscrow.Sale memory sale = _anySale(true);
        assert(!_call(sale.arbiter, 0, abi.encodeCall(escrow.decide, (address(split), id, amountToBuyer))));
    }

    function check_nothing_is_ever_disputed() external {
        IEscrow.Sale memory sale = _anySale(true);
        assert(!_call(sale.buyer, 0, abi.encodeCall(escrow.dispute, (address(split), id))));
    }
}
