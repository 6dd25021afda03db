// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Anything} from "./Anything.sol";
import {ISaleEscrow} from "tests/ITrust.sol";
import {Shipped} from "./Shipped.sol";
import {both, either, svm, vm} from "./Cheats.sol";

interface IEscrow is ISaleEscrow {
    function openWithPermit(Terms calldata terms, uint256 until, uint8 v, bytes32 r, bytes32 s) external;
    function payIn(address split, bytes32 saleId, address token, uint256 amount) external;
}

/// @title An escrow in any state, with one sale in it that proofs look at.
/// @dev The sale's id, seller, arbiter, times, amount and state may be anything, as may all else in the escrow's storage, the
///      time and the caller. Buyer, split and token stand at known addresses, so that what is called is known; what they do
///      when they are called may be anything. The sale is read and written in its slots: `check_the_view_shows_the_slots`
///      holds that they are what `sale` shows.
abstract contract AnyEscrow {
    /// @dev A sale's slots: what its word with the buyer says besides, and the others.
    struct Slots {
        uint40 deadline;
        uint40 decisionDeadline;
        uint8 refundByDefault;
        uint8 state;
        address seller;
        address arbiter;
        uint256 amount;
        bytes32[5] words;
    }

    uint8 internal constant NONE = 0;
    uint8 internal constant HELD = 1;
    uint8 internal constant DISPUTED = 2;
    uint8 internal constant DONE = 3;

    IEscrow internal escrow = IEscrow(Shipped.deploy("SaleEscrow", ""));
    Anything internal token = new Anything();
    Anything internal buyer = new Anything();
    Anything internal split = new Anything();
    bytes32 internal id;
    uint256 internal time;
    uint256 private slot;

    function _anySale(bool coin) internal returns (Slots memory) {
        id = svm.createBytes32("id");
        time = svm.createUint256("time");
        vm.assume(time < 2 ** 40 - 3650 days); // Times are kept in 40 bits, which last until the year 36,812.
        vm.warp(time);
        svm.enableSymbolicStorage(address(escrow));
        slot = uint256(keccak256(abi.encode(id, keccak256(abi.encode(split, 0)))));
        _store(0, bytes32(bytes.concat(svm.createBytes(12, "state_and_times"), bytes20(address(buyer)))));
        _store(1, coin ? bytes32(0) : bytes32(uint256(uint160(address(token)))));
        return _slots();
    }

    function _anySaleIn(uint8 state, bool coin) internal returns (Slots memory) {
        _anySale(coin);
        _store(0, bytes32(bytes.concat(bytes1(state), svm.createBytes(11, "times"), bytes20(address(buyer)))));
        return _slots();
    }

    function _anySaleOfNoTokens() internal returns (Slots memory) {
        _anySale(false);
        _store(4, 0);
        return _slots();
    }

    function _slots() internal view returns (Slots memory s) {
        for (uint256 i = 0; i < 5; ++i) {
            s.words[i] = vm.load(address(escrow), bytes32(slot + i));
        }
        uint256 head = uint256(s.words[0]);
        (s.deadline, s.decisionDeadline) = (uint40(head >> 160), uint40(head >> 200));
        (s.refundByDefault, s.state) = (uint8(head >> 240), uint8(head >> 248));
        (s.seller, s.arbiter) = (address(uint160(uint256(s.words[2]))), address(uint160(uint256(s.words[3]))));
        s.amount = uint256(s.words[4]);
    }

    function _store(uint256 which, bytes32 word) private {
        vm.store(address(escrow), bytes32(slot + which), word);
    }

    /// @dev The sale is as it was, but for its state.
    function _onlyTheStateIs(uint8 state, Slots memory before) internal view {
        Slots memory after_ = _slots();
        bool same = bytes31(after_.words[0] << 8) == bytes31(before.words[0] << 8);
        for (uint256 i = 1; i < 5; ++i) {
            same = both(same, after_.words[i] == before.words[i]);
        }
        assert(both(same, after_.state == state));
    }

    function _step(Slots memory before, bool done, bool may, uint8 to) internal view {
        assert(!done || may);
        _onlyTheStateIs(done ? to : before.state, before);
    }

    function _unsettled(Slots memory sale) internal pure returns (bool) {
        return either(sale.state == HELD, sale.state == DISPUTED);
    }

    function _credits() internal view returns (uint256) {
        unchecked {
            return escrow.credit(address(buyer), address(0)) + escrow.credit(address(split), address(0));
        }
    }

    function _asset(bool coin) internal view returns (address) {
        return coin ? address(0) : address(token);
    }

    function _anyTerms(uint256 amount, bool coin) internal returns (ISaleEscrow.Terms memory) {
        return ISaleEscrow.Terms(
            address(split),
            id,
            _asset(coin),
            amount,
            svm.createAddress("seller"),
            svm.createAddress("arbiter"),
            uint64(svm.createUint256("deadline")),
            uint64(svm.createUint256("decision_deadline")),
            svm.createBool("refund_by_default")
        );
    }

    function _call(address who, bytes memory data) internal returns (bool done) {
        vm.prank(who);
        (done,) = address(escrow).call(data);
    }

    function _callWith(address who, uint256 value, bytes memory data) internal returns (bool done) {
        vm.deal(who, value);
        vm.prank(who);
        (done,) = address(escrow).call{value: value}(data);
    }
}

/// @title The life of a sale in escrow: who may take which step when, and that its money leaves at most once.
/// @dev One step from any state, at any time, by anybody; coin and tokens apart.
contract EscrowProof is AnyEscrow {
    function check_the_view_shows_the_slots(bool coin) external {
        Slots memory s = _anySale(coin);
        ISaleEscrow.Sale memory sale = escrow.sale(address(split), id);
        assert(both(sale.buyer == address(buyer), sale.token == _asset(coin)));
        assert(both(sale.deadline == s.deadline, sale.decisionDeadline == s.decisionDeadline));
        assert(both(sale.refundByDefault == (s.refundByDefault != 0), uint8(sale.state) == s.state));
        assert(both(sale.seller == s.seller, both(sale.arbiter == s.arbiter, sale.amount == s.amount)));
    }

    // ------------------------------------------------------------------ one proof a step, of coin

    function check_confirm(address caller) external {
        _confirm(_anySale(true), caller);
    }

    function check_refund(address caller) external {
        _refund(_anySale(true), caller);
    }

    function check_release(address caller) external {
        _release(_anySale(true), caller);
    }

    function check_decide(address caller, uint256 amountToBuyer) external {
        _decide(_anySale(true), caller, amountToBuyer);
    }

    function check_settle_by_default(address caller) external {
        _settleByDefault(_anySale(true), caller);
    }

    // ------------------------------------------------------------------ the same of tokens, in two parts
    // Who may do it when, and what becomes of the sale, where there is nothing to deliver …

    function check_confirm_tokens(address caller) external {
        _confirm(_anySaleOfNoTokens(), caller);
    }

    function check_refund_tokens(address caller) external {
        _refund(_anySaleOfNoTokens(), caller);
    }

    function check_release_tokens(address caller) external {
        _release(_anySaleOfNoTokens(), caller);
    }

    function check_decide_tokens(address caller, uint256 amountToBuyer) external {
        _decide(_anySaleOfNoTokens(), caller, amountToBuyer);
    }

    function check_settle_by_default_tokens(address caller) external {
        _settleByDefault(_anySaleOfNoTokens(), caller);
    }

    // … and that no delivery, to the split or to the buyer, whatever comes of it, changes anything else of the sale. (A
    // decision that divides makes the one after the other.)

    function check_delivering_tokens_to_the_split_changes_the_state_only() external {
        Slots memory before = _anySaleIn(HELD, false);
        bool done = _call(address(buyer), abi.encodeCall(escrow.confirm, (address(split), id)));
        _onlyTheStateIs(done ? DONE : HELD, before);
    }

    function check_delivering_tokens_to_the_buyer_changes_the_state_only() external {
        Slots memory before = _anySaleIn(HELD, false);
        bool done = _call(before.seller, abi.encodeCall(escrow.refund, (address(split), id)));
        _onlyTheStateIs(done ? DONE : HELD, before);
    }

    // ------------------------------------------------------------------

    function _confirm(Slots memory before, address caller) private {
        bool done = _call(caller, abi.encodeCall(escrow.confirm, (address(split), id)));
        _step(before, done, both(_unsettled(before), caller == address(buyer)), DONE);
    }

    function _refund(Slots memory before, address caller) private {
        bool done = _call(caller, abi.encodeCall(escrow.refund, (address(split), id)));
        _step(before, done, both(_unsettled(before), caller == before.seller), DONE);
    }

    function _release(Slots memory before, address caller) private {
        bool done = _call(caller, abi.encodeCall(escrow.release, (address(split), id)));
        _step(before, done, both(before.state == HELD, time >= before.deadline), DONE);
    }

    function _decide(Slots memory before, address caller, uint256 amountToBuyer) private {
        bool done = _call(caller, abi.encodeCall(escrow.decide, (address(split), id, amountToBuyer)));
        bool may = both(before.state == DISPUTED, both(caller == before.arbiter, time < before.decisionDeadline));
        _step(before, done, both(may, amountToBuyer <= before.amount), DONE);
    }

    function _settleByDefault(Slots memory before, address caller) private {
        bool done = _call(caller, abi.encodeCall(escrow.settleByDefault, (address(split), id)));
        _step(before, done, both(before.state == DISPUTED, time >= before.decisionDeadline), DONE);
    }

    // ------------------------------------------------------------------ the other steps

    function check_dispute(address caller, bool coin) external {
        Slots memory before = _anySale(coin);
        bool done = _call(caller, abi.encodeCall(escrow.dispute, (address(split), id)));
        bool may = both(before.state == HELD, both(caller == address(buyer), time < before.deadline));
        _step(before, done, both(may, before.arbiter != address(0)), DISPUTED);
    }

    function check_open_coin(address caller, uint256 amount) external {
        Slots memory before = _anySale(true);
        ISaleEscrow.Terms memory terms = _anyTerms(amount, true);
        _opens(before, _callWith(caller, amount, abi.encodeCall(escrow.open, (terms))), caller, terms);
        assert(_slots().amount == before.amount || _slots().amount == amount);
    }

    function check_open_tokens(address caller, uint256 amount) external {
        Slots memory before = _anySale(false);
        ISaleEscrow.Terms memory terms = _anyTerms(amount, false);
        _opens(before, _call(caller, abi.encodeCall(escrow.open, (terms))), caller, terms);
    }

    function check_open_with_permit(address caller, uint256 amount) external {
        Slots memory before = _anySale(false);
        ISaleEscrow.Terms memory terms = _anyTerms(amount, false);
        bool done = _call(caller, abi.encodeCall(escrow.openWithPermit, (terms, 1, 27, bytes32(0), bytes32(0))));
        _opens(before, done, caller, terms);
    }

    /// @dev Nobody calls as zero, which stands for no arbiter.
    function _opens(Slots memory before, bool done, address caller, ISaleEscrow.Terms memory terms) private view {
        vm.assume(caller != address(0));
        if (!done) return _onlyTheStateIs(before.state, before);
        Slots memory sale = _slots();
        assert(both(before.state == NONE, sale.state == HELD));
        assert(address(uint160(uint256(sale.words[0]))) == caller);
        assert(address(uint160(uint256(sale.words[1]))) == terms.token);
        assert(both(sale.seller == terms.seller, sale.arbiter == terms.arbiter));
        assert(both(caller != sale.seller, both(sale.seller != sale.arbiter, caller != sale.arbiter)));
        assert(both(sale.deadline == terms.deadline, sale.deadline > time));
        assert(sale.decisionDeadline == terms.decisionDeadline);
        assert((sale.arbiter == address(0)) == (sale.decisionDeadline == 0));
        assert(sale.refundByDefault == (terms.refundByDefault ? 1 : 0));
        assert(both(sale.amount > 0, sale.amount < 2 ** 127));
    }

    // ------------------------------------------------------------------ steps of others

    function check_withdrawing_a_credit_changes_no_sale(address caller, bool coin) external {
        Slots memory before = _anySale(coin);
        _call(caller, abi.encodeCall(escrow.withdrawCredit, (address(buyer), _asset(coin))));
        _onlyTheStateIs(before.state, before);
    }

    function check_redirecting_a_credit_changes_no_sale(bool coin) external {
        Slots memory before = _anySale(coin);
        _call(address(buyer), abi.encodeCall(escrow.redirectCredit, (address(split), _asset(coin))));
        _onlyTheStateIs(before.state, before);
    }

    function check_a_credit_leaves_once(uint256 held) external {
        _anySale(true);
        vm.deal(address(escrow), held);
        uint256 credit = escrow.credit(address(buyer), address(0));
        bool done = _call(address(split), abi.encodeCall(escrow.withdrawCredit, (address(buyer), address(0))));
        assert(escrow.credit(address(buyer), address(0)) == (done ? 0 : credit));
        assert(address(escrow).balance == held - (done ? credit : 0));
    }

    /// @dev By the word of its caller's, whose credit this is.
    function check_a_credit_is_redirected_by_its_owner_only(address caller) external {
        _anySale(true);
        vm.assume(caller != address(buyer));
        uint256 credit = escrow.credit(address(buyer), address(0));
        _call(caller, abi.encodeCall(escrow.redirectCredit, (address(split), address(0))));
        assert(escrow.credit(address(buyer), address(0)) == credit);
    }

    function check_nobody_else_pays_in(address caller, uint256 amount, bool coin) external {
        _anySale(coin);
        vm.assume(caller != address(escrow));
        assert(!_call(caller, abi.encodeCall(escrow.payIn, (address(split), id, _asset(coin), amount))));
    }

    // ------------------------------------------------------------------ money

    /// @dev What a settlement takes from the balance, and what it sets aside, is the sale's amount; a step that fails moves
    ///      none.
    function check_confirmed_money_leaves_once(uint256 held) external {
        Slots memory before = _settleable(held);
        uint256 credits = _credits();
        _leavesOnce(before, held, credits, _call(address(buyer), abi.encodeCall(escrow.confirm, (address(split), id))));
    }

    function check_refunded_money_leaves_once(uint256 held) external {
        Slots memory before = _settleable(held);
        uint256 credits = _credits();
        _leavesOnce(before, held, credits, _call(before.seller, abi.encodeCall(escrow.refund, (address(split), id))));
    }

    function check_decided_money_leaves_once(uint256 held, uint256 amountToBuyer) external {
        Slots memory before = _settleable(held);
        uint256 credits = _credits();
        bytes memory data = abi.encodeCall(escrow.decide, (address(split), id, amountToBuyer));
        _leavesOnce(before, held, credits, _call(before.arbiter, data));
    }

    /// @dev Amounts and sums of credits are those of money that was there.
    function _settleable(uint256 held) private returns (Slots memory before) {
        before = _anySale(true);
        vm.deal(address(escrow), held);
        vm.assume(before.amount < 2 ** 127);
        vm.assume(escrow.credit(address(buyer), address(0)) < 2 ** 200);
        vm.assume(escrow.credit(address(split), address(0)) < 2 ** 200);
    }

    function _leavesOnce(Slots memory before, uint256 held, uint256 credits, bool done) private view {
        unchecked {
            assert(held - address(escrow).balance + (_credits() - credits) == (done ? before.amount : 0));
        }
    }

    // ------------------------------------------------------------------ a step within a step

    /// @dev While it delivers, nobody it calls gets anything done here.
    function check_nothing_is_confirmed_within_a_step() external {
        _nothingWithin(abi.encodeCall(escrow.confirm, (address(split), id)));
    }

    function check_nothing_is_released_within_a_step() external {
        _nothingWithin(abi.encodeCall(escrow.release, (address(split), id)));
    }

    function check_no_credit_is_withdrawn_within_a_step() external {
        _nothingWithin(abi.encodeCall(escrow.withdrawCredit, (address(buyer), address(0))));
    }

    function _nothingWithin(bytes memory inside) private {
        Slots memory before = _anySale(true);
        buyer.callInside(address(escrow), 0, inside);
        split.callInside(address(escrow), 0, inside);
        _call(before.seller, abi.encodeCall(escrow.refund, (address(split), id)));
        assert(!buyer.insideSucceeded());
        assert(!split.insideSucceeded());
    }
}

/// @title The opposite of what the proofs above rely on: each claim is false, and halmos must find out.
contract EscrowWitness is AnyEscrow {
    function check_nothing_is_ever_opened(uint256 amount) external {
        _anySale(true);
        assert(!_callWith(address(buyer), amount, abi.encodeCall(escrow.open, (_anyTerms(amount, true)))));
    }

    function check_nothing_is_ever_confirmed() external {
        _anySale(true);
        assert(!_call(address(buyer), abi.encodeCall(escrow.confirm, (address(split), id))));
    }

    function check_no_tokens_are_ever_confirmed() external {
        _anySale(false);
        assert(!_call(address(buyer), abi.encodeCall(escrow.confirm, (address(split), id))));
    }

    function check_nothing_is_ever_decided(uint256 amountToBuyer) external {
        Slots memory sale = _anySale(true);
        assert(!_call(sale.arbiter, abi.encodeCall(escrow.decide, (address(split), id, amountToBuyer))));
    }

    function check_nothing_is_ever_disputed() external {
        _anySale(true);
        assert(!_call(address(buyer), abi.encodeCall(escrow.dispute, (address(split), id))));
    }
}
