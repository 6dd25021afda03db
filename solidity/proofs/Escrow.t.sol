// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Anything} from "./Anything.sol";
import {ISaleEscrow} from "./Trust.sol";
import {Shipped} from "./Shipped.sol";
import {both, either, svm, vm} from "./Cheats.sol";

/// @title An escrow in any state, with one sale in it that proofs look at.
/// @dev The sale's id, seller, arbiter, times, amounts and state may be anything, as may all else in the escrow's storage,
///      the time and the caller. Buyer, split and token stand at known addresses, so that what is called is known; what they
///      do when they are called may be anything. The sale is read and written in its slots: `check_the_view_shows_the_slots`
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
        uint128 amount;
        uint128 owed;
        bytes32[5] words;
    }

    uint8 internal constant NONE = 0;
    uint8 internal constant HELD = 1;
    uint8 internal constant DISPUTED = 2;
    uint8 internal constant OWED = 3;
    uint8 internal constant DONE = 4;

    ISaleEscrow internal escrow = ISaleEscrow(Shipped.deploy("SaleEscrow", ""));
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
        bytes32 record = keccak256(abi.encode(buyer, id));
        slot = uint256(keccak256(abi.encode(record, keccak256(abi.encode(split, 0)))));
        _store(0, bytes32(bytes.concat(svm.createBytes(12, "state_and_times"), bytes20(address(buyer)))));
        _store(1, coin ? bytes32(0) : bytes32(uint256(uint160(address(token)))));
        return _slots();
    }

    function _anySaleIn(uint8 state, bool coin) internal returns (Slots memory) {
        _anySale(coin);
        _store(0, bytes32(bytes.concat(bytes1(state), svm.createBytes(11, "times"), bytes20(address(buyer)))));
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
        (s.amount, s.owed) = (uint128(uint256(s.words[4])), uint128(uint256(s.words[4]) >> 128));
    }

    function _store(uint256 which, bytes32 word) private {
        vm.store(address(escrow), bytes32(slot + which), word);
    }

    /// @dev The sale is as it was, but for its state and what is owed.
    function _isSameBut(uint8 state, uint128 owed, Slots memory before) internal view returns (bool same) {
        Slots memory after_ = _slots();
        same = bytes31(after_.words[0] << 8) == bytes31(before.words[0] << 8);
        for (uint256 i = 1; i < 4; ++i) {
            same = both(same, after_.words[i] == before.words[i]);
        }
        same = both(same, both(after_.amount == before.amount, after_.owed == owed));
        return both(same, after_.state == state);
    }

    function _isUntouched(Slots memory before) internal view returns (bool) {
        return _isSameBut(before.state, before.owed, before);
    }

    /// @dev Nothing has happened; or what may happen has: the sale is over, or `toSplit` is owed.
    function _settles(Slots memory before, bool done, bool may, uint128 toSplit) internal view {
        bool over = _isSameBut(DONE, before.owed, before);
        bool owed = both(toSplit != 0, _isSameBut(OWED, toSplit, before));
        bool settled = both(may, either(over, owed));
        assert(either(both(!done, _isUntouched(before)), both(done, settled)));
    }

    /// @dev Nothing has happened; or what may happen has: what was owed is no more.
    function _pays(Slots memory before, bool done, bool may) internal view {
        bool paid = both(may, _isSameBut(DONE, 0, before));
        assert(either(both(!done, _isUntouched(before)), both(done, paid)));
    }

    function _unsettled(Slots memory sale) internal pure returns (bool) {
        return either(sale.state == HELD, sale.state == DISPUTED);
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

    function _confirmation() internal view returns (bytes memory) {
        return abi.encodeCall(escrow.confirm, (address(split), id));
    }

    function _refunding() internal view returns (bytes memory) {
        return abi.encodeCall(escrow.refund, (address(split), address(buyer), id));
    }

    function _releasing() internal view returns (bytes memory) {
        return abi.encodeCall(escrow.release, (address(split), address(buyer), id));
    }

    function _decision(uint256 amountToBuyer) internal view returns (bytes memory) {
        return abi.encodeCall(escrow.decide, (address(split), address(buyer), id, amountToBuyer));
    }

    function _defaulting() internal view returns (bytes memory) {
        return abi.encodeCall(escrow.settleByDefault, (address(split), address(buyer), id));
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
        ISaleEscrow.Sale memory sale = escrow.sale(address(split), address(buyer), id);
        assert(both(sale.buyer == address(buyer), sale.token == _asset(coin)));
        assert(both(sale.deadline == s.deadline, sale.decisionDeadline == s.decisionDeadline));
        assert(both(sale.refundByDefault == (s.refundByDefault != 0), uint8(sale.state) == s.state));
        assert(both(sale.seller == s.seller, sale.arbiter == s.arbiter));
        assert(both(sale.amount == s.amount, sale.owed == s.owed));
        assert(escrow.recordIdOf(address(buyer), id) == keccak256(abi.encode(buyer, id)));
    }

    // ------------------------------------------------------------------ one proof a step

    function check_confirm(address caller) external {
        _confirm(_anySale(true), caller);
    }

    function check_confirm_tokens(address caller) external {
        _confirm(_anySale(false), caller);
    }

    /// @dev Whoever is not the buyer confirms a sale of its own, or none.
    function _confirm(Slots memory before, address caller) private {
        bool done = both(_call(caller, _confirmation()), caller == address(buyer));
        _settles(before, done, _unsettled(before), before.amount);
    }

    function check_refund(address caller) external {
        _refund(_anySale(true), caller);
    }

    function check_refund_tokens(address caller) external {
        _refund(_anySale(false), caller);
    }

    function _refund(Slots memory before, address caller) private {
        bool done = _call(caller, _refunding());
        if (before.state == OWED) return _pays(before, done, caller == before.seller);
        _settles(before, done, both(_unsettled(before), caller == before.seller), 0);
    }

    function check_release(address caller) external {
        _release(_anySale(true), caller);
    }

    function check_release_tokens(address caller) external {
        _release(_anySale(false), caller);
    }

    function _release(Slots memory before, address caller) private {
        bool done = _call(caller, _releasing());
        if (before.state == OWED) return _pays(before, done, true);
        _settles(before, done, both(before.state == HELD, time >= before.deadline), before.amount);
    }

    function check_decide(address caller, uint256 amountToBuyer) external {
        _decide(_anySale(true), caller, amountToBuyer);
    }

    function check_decide_tokens(address caller, uint256 amountToBuyer) external {
        _decide(_anySale(false), caller, amountToBuyer);
    }

    function _decide(Slots memory before, address caller, uint256 amountToBuyer) private {
        bool done = _call(caller, _decision(amountToBuyer));
        bool may = both(before.state == DISPUTED, both(caller == before.arbiter, time < before.decisionDeadline));
        unchecked {
            uint128 toSplit = before.amount - uint128(amountToBuyer);
            _settles(before, done, both(may, amountToBuyer <= before.amount), toSplit);
        }
    }

    function check_settle_by_default(address caller) external {
        _settleByDefault(_anySale(true), caller);
    }

    function check_settle_by_default_tokens(address caller) external {
        _settleByDefault(_anySale(false), caller);
    }

    function _settleByDefault(Slots memory before, address caller) private {
        bool done = _call(caller, _defaulting());
        bool may = both(before.state == DISPUTED, time >= before.decisionDeadline);
        _settles(before, done, may, before.refundByDefault == 0 ? before.amount : 0);
    }

    // ------------------------------------------------------------------ the other steps

    function check_dispute(address caller, bool coin) external {
        Slots memory before = _anySale(coin);
        bool done = _call(caller, abi.encodeCall(escrow.dispute, (address(split), id)));
        done = both(done, caller == address(buyer));
        bool may = both(before.state == HELD, both(time < before.deadline, before.arbiter != address(0)));
        bool disputed = both(may, _isSameBut(DISPUTED, before.owed, before));
        assert(either(both(!done, _isUntouched(before)), both(done, disputed)));
    }

    function check_open_coin(address caller, uint256 amount) external {
        Slots memory before = _anySale(true);
        ISaleEscrow.Terms memory terms = _anyTerms(amount, true);
        _opens(before, _callWith(caller, amount, abi.encodeCall(escrow.open, (terms))), caller, terms);
        assert(either(_slots().amount == before.amount, _slots().amount == amount));
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

    /// @dev Whoever is not the buyer opens a sale of its own, or none. Nobody calls as zero, which stands for no arbiter.
    function _opens(Slots memory before, bool done, address caller, ISaleEscrow.Terms memory terms) private view {
        vm.assume(caller != address(0));
        if (!both(done, caller == address(buyer))) {
            assert(_isUntouched(before));
            return;
        }
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
        assert(both(sale.amount > 0, both(sale.amount < 2 ** 127, sale.amount <= terms.amount)));
        assert(sale.owed == before.owed);
    }

    // ------------------------------------------------------------------ steps of others

    function check_withdrawing_a_credit_changes_no_sale(address caller, bool coin) external {
        Slots memory before = _anySale(coin);
        _call(caller, abi.encodeCall(escrow.withdrawCredit, (address(buyer), _asset(coin))));
        assert(_isUntouched(before));
    }

    function check_redirecting_a_credit_changes_no_sale(bool coin, uint256 amount) external {
        Slots memory before = _anySale(coin);
        _call(address(buyer), abi.encodeCall(escrow.redirectCredit, (address(split), _asset(coin), amount)));
        assert(_isUntouched(before));
    }

    function check_a_credit_leaves_once(uint256 held) external {
        _anySale(true);
        vm.deal(address(escrow), held);
        uint256 credit = escrow.credit(address(buyer), address(0));
        bool done = _call(address(split), abi.encodeCall(escrow.withdrawCredit, (address(buyer), address(0))));
        assert(escrow.credit(address(buyer), address(0)) == (done ? 0 : credit));
        assert(address(escrow).balance == held - (done ? credit : 0));
    }

    function check_a_part_of_a_credit_leaves_once(uint256 held, uint256 amount) external {
        _anySale(true);
        vm.deal(address(escrow), held);
        uint256 credit = escrow.credit(address(buyer), address(0));
        bool done = _call(address(buyer), abi.encodeCall(escrow.redirectCredit, (address(split), address(0), amount)));
        assert(either(!done, both(amount != 0, amount <= credit)));
        assert(escrow.credit(address(buyer), address(0)) == credit - (done ? amount : 0));
        assert(address(escrow).balance == held - (done ? amount : 0));
    }

    /// @dev By the word of its caller's, whose credit this is.
    function check_a_credit_is_redirected_by_its_owner_only(address caller, uint256 amount) external {
        _anySale(true);
        vm.assume(caller != address(buyer));
        uint256 credit = escrow.credit(address(buyer), address(0));
        _call(caller, abi.encodeCall(escrow.redirectCredit, (address(split), address(0), amount)));
        assert(escrow.credit(address(buyer), address(0)) == credit);
    }

    function check_nobody_else_pays_in(address caller, uint256 amount, bool coin) external {
        _anySale(coin);
        vm.assume(caller != address(escrow));
        assert(!_call(caller, abi.encodeCall(escrow.payIn, (address(split), id, _asset(coin), amount))));
    }

    function check_nobody_else_delivers(address caller, uint256 amount, bool coin, bool measured) external {
        _anySale(coin);
        vm.assume(caller != address(escrow));
        assert(!_call(caller, abi.encodeCall(escrow.deliver, (_asset(coin), address(buyer), amount, measured))));
    }

    // ------------------------------------------------------------------ money

    // What is held beyond what the sale, and the credits, are owed stays what it is, by every step.

    function check_confirmed_money_leaves_once(uint256 held) external {
        uint256 free = _settleable(held);
        _call(address(buyer), _confirmation());
        assert(_free() == free);
    }

    function check_refunded_money_leaves_once(uint256 held) external {
        uint256 free = _settleable(held);
        _call(_slots().seller, _refunding());
        assert(_free() == free);
    }

    function check_released_money_leaves_once(uint256 held) external {
        uint256 free = _settleable(held);
        _call(address(split), _releasing());
        assert(_free() == free);
    }

    function check_decided_money_leaves_once(uint256 held, uint256 amountToBuyer) external {
        uint256 free = _settleable(held);
        _call(_slots().arbiter, _decision(amountToBuyer));
        assert(_free() == free);
    }

    function check_money_leaves_once_by_default(uint256 held) external {
        uint256 free = _settleable(held);
        _call(address(split), _defaulting());
        assert(_free() == free);
    }

    function check_opened_money_is_there(uint256 held, uint256 amount) external {
        uint256 free = _settleable(held);
        ISaleEscrow.Terms memory terms = _anyTerms(amount, true);
        _callWith(address(buyer), amount, abi.encodeCall(escrow.open, (terms)));
        assert(_free() == free);
    }

    /// @dev Credits are sums of money that was there.
    function _settleable(uint256 held) private returns (uint256 free) {
        _anySale(true);
        vm.deal(address(escrow), held);
        vm.assume(escrow.credit(address(buyer), address(0)) < 2 ** 200);
        return _free();
    }

    function _free() private view returns (uint256) {
        Slots memory sale = _slots();
        uint256 owed = _unsettled(sale) ? sale.amount : (sale.state == OWED ? sale.owed : 0);
        unchecked {
            return address(escrow).balance - owed - escrow.credit(address(buyer), address(0));
        }
    }

    // ------------------------------------------------------------------ a step within a step

    /// @dev While it delivers, nobody it calls gets anything done here.
    function check_nothing_is_confirmed_within_a_step() external {
        _nothingWithin(_confirmation());
    }

    function check_nothing_is_released_within_a_step() external {
        _nothingWithin(_releasing());
    }

    function check_nothing_is_refunded_within_a_step() external {
        _nothingWithin(_refunding());
    }

    function check_no_credit_is_withdrawn_within_a_step() external {
        _nothingWithin(abi.encodeCall(escrow.withdrawCredit, (address(buyer), address(0))));
    }

    function _nothingWithin(bytes memory inside) private {
        Slots memory before = _anySale(true);
        buyer.callInside(address(escrow), 0, inside);
        split.callInside(address(escrow), 0, inside);
        _call(before.seller, _refunding());
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

    function check_no_tokens_are_ever_opened(uint256 amount) external {
        _anySale(false);
        assert(!_call(address(buyer), abi.encodeCall(escrow.open, (_anyTerms(amount, false)))));
    }

    function check_nothing_is_ever_confirmed() external {
        _anySale(true);
        assert(!_call(address(buyer), _confirmation()));
    }

    function check_no_tokens_are_ever_confirmed_and_paid_in() external {
        _anySale(false);
        assert(!both(_call(address(buyer), _confirmation()), _slots().state == DONE));
    }

    function check_nothing_is_ever_owed() external {
        _anySaleIn(HELD, true);
        assert(!both(_call(address(buyer), _confirmation()), _slots().state == OWED));
    }

    function check_nothing_owed_is_ever_released() external {
        _anySaleIn(OWED, false);
        assert(!_call(address(buyer), _releasing()));
    }

    function check_nothing_owed_is_ever_refunded() external {
        Slots memory sale = _anySaleIn(OWED, false);
        assert(!_call(sale.seller, _refunding()));
    }

    function check_no_tokens_are_ever_refunded() external {
        Slots memory sale = _anySaleIn(DISPUTED, false);
        assert(!_call(sale.seller, _refunding()));
    }

    function check_nothing_is_ever_released() external {
        _anySaleIn(HELD, true);
        assert(!_call(address(buyer), _releasing()));
    }

    function check_nothing_is_ever_decided(uint256 amountToBuyer) external {
        Slots memory sale = _anySale(true);
        assert(!_call(sale.arbiter, _decision(amountToBuyer)));
    }

    function check_nothing_ever_ends_by_default() external {
        _anySale(true);
        assert(!_call(address(buyer), _defaulting()));
    }

    function check_nothing_is_ever_disputed() external {
        _anySale(true);
        assert(!_call(address(buyer), abi.encodeCall(escrow.dispute, (address(split), id))));
    }

    function check_no_credit_is_ever_redirected(uint256 amount) external {
        _anySale(true);
        vm.deal(address(escrow), 100);
        assert(!_call(address(buyer), abi.encodeCall(escrow.redirectCredit, (address(split), address(0), amount))));
    }
}
