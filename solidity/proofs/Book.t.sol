// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Anything} from "./Anything.sol";
import {IPayoutBook} from "./Trust.sol";
import {OddToken} from "./OddToken.sol";
import {Shipped} from "./Shipped.sol";
import {anyOf, both, either, svm, vm} from "./Cheats.sol";

/// @title A PayoutBook in any state in which no more is claimed than promised.
abstract contract AnyBook {
    Anything internal token = new Anything();
    Anything internal alice = new Anything();
    Anything internal bob = new Anything();
    IPayoutBook internal book;
    uint256 private delay;

    function _anyBook(address asset) internal {
        uint256 anyDelay = svm.createUint256("delay");
        vm.assume(anyDelay <= 365 days);
        _anyBookWith(anyDelay, asset);
    }

    function _anyBookWith(uint256 delay_, address asset) internal {
        delay = delay_;
        book = IPayoutBook(Shipped.deploy("PayoutBook", abi.encode(address(this), delay)));
        svm.enableSymbolicStorage(address(book));
        uint256 time = svm.createUint256("time");
        vm.assume(time < 2 ** 63);
        vm.warp(time);
        vm.assume(book.owner() != address(book));
        vm.assume(_isSound(asset));
    }

    /// @dev No more is claimed than promised; only with a delay is anything announced, for a time, and not for less. Every
    ///      proof that changes an asset's books shows that this stays so, and it is so in a new book, where all is zero. The
    ///      views show what is due as if it were in force, so this looks into the slots behind them.
    function _isSound(address asset) internal view returns (bool) {
        uint256 books = _booksOf(asset);
        uint256 announced = uint256(vm.load(address(book), keccak256(abi.encode(asset, 3))));
        uint256 total = books >> 128;
        bool later = both(announced >> 192 == 0, both(uint64(announced >> 128) != 0, uint128(announced) >= total));
        bool announcedWell = either(announced == 0, both(delay != 0, later));
        return both(uint128(books) <= total, announcedWell);
    }

    /// @dev total(128) ‖ claimed(128)
    function _booksOf(address asset) internal view returns (uint256) {
        return uint256(vm.load(address(book), bytes32(uint256(keccak256(abi.encode(asset, 2))) + 1)));
    }

    function _call(address who, uint256 value, bytes memory data) internal returns (bool done) {
        if (value != 0) vm.deal(who, value);
        vm.prank(who);
        (done,) = address(book).call{value: value}(data);
    }
}

/// @title What a PayoutBook promises, from any such state.
/// @dev The delay, the time, who owns the book and what it holds may be anything; so may what payees and tokens do. Proofs
///      are those of trees with one leaf, for halmos cannot follow a pair that is sorted by an unknown; the root they must
///      lead to is any.
contract BookProof is AnyBook {
    // ------------------------------------------------------------------ the owner, and nobody else

    function check_nobody_else_publishes(address caller, uint256 total, bytes32 root, address asset, uint256 value)
        external
    {
        _notByTheOwner(caller, value, abi.encodeCall(book.publish, (total, root, asset)));
    }

    function check_nobody_else_withdraws_a_root(address caller, address asset) external {
        _notByTheOwner(caller, 0, abi.encodeCall(book.withdraw, (asset)));
    }

    function check_nobody_else_takes_the_surplus(address caller, address asset, address to, uint256 amount) external {
        _notByTheOwner(caller, 0, abi.encodeCall(book.withdrawSurplus, (asset, to, amount)));
    }

    function check_nobody_else_offers_the_book(address caller, address next) external {
        _notByTheOwner(caller, 0, abi.encodeCall(book.transferOwnership, (next)));
    }

    function _notByTheOwner(address caller, uint256 value, bytes memory data) private {
        _anyBook(address(0));
        vm.assume(caller != book.owner());
        assert(!_call(caller, value, data));
    }

    function check_only_whom_it_was_offered_to_accepts_the_book(address caller) external {
        _anyBook(address(0));
        (address owner, address next) = (book.owner(), book.pendingOwner());
        bool done = _call(caller, 0, abi.encodeCall(book.acceptOwnership, ()));
        assert(done == (caller == next));
        assert(book.owner() == (done ? next : owner));
        assert(book.pendingOwner() == (done ? address(0) : next));
    }

    function check_an_offer_changes_no_owner(address next) external {
        _anyBook(address(0));
        address owner = book.owner();
        assert(_call(owner, 0, abi.encodeCall(book.transferOwnership, (next))));
        assert(book.owner() == owner);
        assert(book.pendingOwner() == next);
    }

    function check_a_claim_changes_no_owner(uint256 cumulative) external {
        _anyBook(address(0));
        (address owner, address next) = (book.owner(), book.pendingOwner());
        _call(address(bob), 0, abi.encodeCall(book.claim, (address(alice), cumulative, new bytes32[](0), address(0))));
        assert(book.owner() == owner);
        assert(book.pendingOwner() == next);
    }

    // ------------------------------------------------------------------ claims

    function check_a_claim_pays_exactly_what_is_missing(uint256 cumulative, uint256 held) external {
        _anyBook(address(0));
        _paysExactly(cumulative, held, abi.encodeCall(book.claim, (address(alice), cumulative, new bytes32[](0), address(0))));
    }

    function check_a_claim_sent_elsewhere_pays_exactly_what_is_missing(uint256 cumulative, uint256 held)
        external
    {
        _anyBook(address(0));
        _paysExactly(cumulative, held, abi.encodeCall(book.claimTo, (address(bob), cumulative, new bytes32[](0), address(0))));
    }

    function _paysExactly(uint256 cumulative, uint256 held, bytes memory data) private {
        vm.deal(address(book), held);
        uint256 before = book.paid(address(alice), address(0));
        uint256 others = book.paid(address(bob), address(0));
        (, uint256 total, uint256 claimed) = book.promised(address(0));
        bool done = _call(address(alice), 0, data);
        assert(!done || cumulative > before);
        (, uint256 totalAfter, uint256 claimedAfter) = book.promised(address(0));
        unchecked {
            uint256 amount = done ? cumulative - before : 0;
            assert(book.paid(address(alice), address(0)) == before + amount);
            assert(book.paid(address(bob), address(0)) == others);
            assert(address(book).balance == held - amount);
            assert(claimedAfter == claimed + amount);
            assert(totalAfter == total);
        }
        assert(_isSound(address(0)));
    }

    function check_no_claim_in_tokens_lowers_what_was_paid(uint256 cumulative) external {
        _anyBook(address(token));
        uint256 before = book.paid(address(alice), address(token));
        bool done = _call(address(bob), 0, _claimInTokens(cumulative));
        uint256 after_ = book.paid(address(alice), address(token));
        assert(done ? both(after_ == cumulative, after_ > before) : after_ == before);
        assert(_isSound(address(token)));
    }

    /// @dev Where roots are in force at once: with a delay, both claims begin by entering what is due, and go on as here.
    function check_no_claim_succeeds_within_a_claim(uint256 cumulative, uint256 within) external {
        _anyBookWith(0, address(token));
        token.callInside(address(book), 0, _claimInTokens(within));
        _call(address(bob), 0, _claimInTokens(cumulative));
        assert(!token.insideSucceeded());
    }

    function _claimInTokens(uint256 cumulative) private view returns (bytes memory) {
        return abi.encodeCall(book.claim, (address(alice), cumulative, new bytes32[](0), address(token)));
    }

    /// @dev One claim of many, from any state; each of the others begins in the state that the one before left.
    function check_a_bulk_claim_pays_what_is_missing_or_nothing(uint256 cumulative, uint256 held) external {
        _anyBook(address(0));
        vm.deal(address(book), held);
        IPayoutBook.Claim[] memory claims = new IPayoutBook.Claim[](1);
        claims[0] = IPayoutBook.Claim(address(alice), cumulative, new bytes32[](0));
        uint256 before = book.paid(address(alice), address(0));
        (, uint256 total, uint256 claimed) = book.promised(address(0));
        _call(address(bob), 0, abi.encodeCall(book.claimMany, (address(0), claims)));
        bool paid = address(book).balance != held;
        (, uint256 totalAfter, uint256 claimedAfter) = book.promised(address(0));
        assert(!paid || cumulative > before);
        unchecked {
            uint256 amount = paid ? cumulative - before : 0;
            assert(book.paid(address(alice), address(0)) == before + amount);
            assert(address(book).balance == held - amount);
            assert(claimedAfter == claimed + amount);
            assert(totalAfter == total);
        }
        assert(_isSound(address(0)));
    }

    function check_nobody_else_delivers(address caller, address asset, uint256 amount, bool measured) external {
        _anyBook(address(0));
        vm.assume(caller != address(book));
        assert(!_call(caller, 0, abi.encodeCall(book.deliver, (asset, address(alice), amount, measured))));
    }

    // ------------------------------------------------------------------ promises

    function check_a_root_is_refused_unless_funded(uint256 total, bytes32 root, uint256 held, uint256 value) external {
        _anyBook(address(0));
        vm.assume(value <= 2 ** 128);
        vm.assume(held <= 2 ** 128);
        vm.deal(address(book), held);
        (, uint256 before, uint256 claimed) = book.promised(address(0));
        bool done = _call(book.owner(), value, abi.encodeCall(book.publish, (total, root, address(0))));
        (, uint256 inForce,) = book.promised(address(0));
        assert(!done || both(total >= before, held + value + claimed >= total));
        // In force at once without a delay, and else not yet.
        assert(inForce == (both(done, book.delay() == 0) ? total : before));
        assert(_isSound(address(0)));
    }

    function check_the_owner_takes_only_what_was_never_promised(uint256 amount, uint256 held) external {
        _anyBook(address(0));
        vm.assume(held <= 2 ** 128);
        vm.deal(address(book), held);
        (, uint256 total, uint256 claimed) = book.promised(address(0));
        (, uint256 totalAnnounced,) = book.announced(address(0));
        if (totalAnnounced > total) total = totalAnnounced;
        bool done = _call(book.owner(), 0, abi.encodeCall(book.withdrawSurplus, (address(0), address(alice), amount)));
        assert(!done || address(book).balance + claimed >= total);
        assert(_isSound(address(0)));
    }

    /// @dev Not even its time having come changes what has been claimed, or lowers what has been promised.
    function check_what_is_in_force_cannot_be_withdrawn() external {
        _anyBook(address(0));
        (bytes32 root, uint256 total, uint256 claimed) = book.promised(address(0));
        _call(book.owner(), 0, abi.encodeCall(book.withdraw, (address(0))));
        _promises(root, total, claimed);
    }

    function check_activation_is_what_the_views_show_already(address caller) external {
        _anyBook(address(0));
        (bytes32 root, uint256 total, uint256 claimed) = book.promised(address(0));
        _call(caller, 0, abi.encodeCall(book.activate, (address(0))));
        _promises(root, total, claimed);
    }

    function _promises(bytes32 root, uint256 total, uint256 claimed) private view {
        (bytes32 rootAfter, uint256 totalAfter, uint256 claimedAfter) = book.promised(address(0));
        assert(both(rootAfter == root, both(totalAfter == total, claimedAfter == claimed)));
        assert(_isSound(address(0)));
    }
}

/// @title A token that takes coin as well: after a transfer the book holds any.
contract Alias is Anything {
    function takeFrom(address whom) external {
        victim = whom;
    }

    address private victim;

    function transfer(address, uint256) external override returns (bytes32) {
        vm.deal(victim, svm.createUint256("coins"));
        return _answer();
    }
}

/// @title The same in tokens that answer, and change what is held, in any way.
/// @dev A token answers any bytes of a known number (none, less than a word, a word, more) or reverts; what is then held is
///      any, or is not said. Again the tree has one leaf, its root unknown.
/// @custom:halmos --solver-timeout-branching 2s
contract BookTokenProof is AnyBook {
    OddToken internal odd = new OddToken();
    Alias internal coinTaker = new Alias();

    struct Figures {
        uint256 paid;
        uint256 total;
        uint256 claimed;
    }

    function check_a_claim_pays_all_or_nothing_by_a_clean_answer(uint256 cumulative) external {
        _oneByOne(cumulative, abi.encodeCall(book.claim, (address(alice), cumulative, new bytes32[](0), address(odd))));
    }

    function check_a_claim_sent_elsewhere_does_the_same(uint256 cumulative) external {
        _oneByOne(cumulative, abi.encodeCall(book.claimTo, (address(bob), cumulative, new bytes32[](0), address(odd))));
    }

    function _oneByOne(uint256 cumulative, bytes memory data) private {
        _anyBook(address(odd));
        bool clean = _anyBehaviour(svm.createUint256("held"), svm.createUint256("holds"));
        Figures memory before = _figures();
        bool done = _call(address(alice), 0, data);
        Figures memory now_ = _figures();
        assert(either(!done, both(clean, cumulative > before.paid)));
        assert(now_.paid == (done ? cumulative : before.paid));
        _moved(before, now_);
    }

    /// @dev All is paid or nothing, as the token's word, or else the balance, shows.
    function check_claims_of_many_pay_all_or_nothing(uint256 cumulative, uint256 held, uint256 holds) external {
        _anyBook(address(odd));
        bool clean = _anyBehaviour(held, holds);
        Figures memory before = _figures();
        bool done = _call(address(bob), 0, abi.encodeCall(book.claimMany, (address(odd), _claims(1, cumulative))));
        Figures memory now_ = _figures();
        _moved(before, now_);
        unchecked {
            uint256 due = cumulative - before.paid;
            bool exactly = both(held >= due, holds == held - due);
            bool paid = now_.paid != before.paid;
            assert(either(!paid, both(done, both(cumulative > before.paid, now_.paid == cumulative))));
            assert(either(!paid, either(clean, exactly)));
        }
    }

    function check_long_a_leaf_claimed_twice_is_paid_once(uint256 cumulative) external {
        _anyBook(address(odd));
        _anyBehaviour(svm.createUint256("held"), svm.createUint256("holds"));
        Figures memory before = _figures();
        _call(address(bob), 0, abi.encodeCall(book.claimMany, (address(odd), _claims(2, cumulative))));
        Figures memory now_ = _figures();
        assert(either(now_.paid == before.paid, both(now_.paid > before.paid, now_.paid <= cumulative)));
        _moved(before, now_);
    }

    // ------------------------------------------------------------------ where a token is the coin as well

    function check_a_claim_in_tokens_leaves_coin_promises_covered(uint256 cumulative) external {
        _coversCoin(abi.encodeCall(book.claim, (address(alice), cumulative, new bytes32[](0), address(coinTaker))));
    }

    function check_claims_of_many_leave_coin_promises_covered(uint256 cumulative) external {
        _coversCoin(abi.encodeCall(book.claimMany, (address(coinTaker), _claims(1, cumulative))));
    }

    function check_a_surplus_in_tokens_leaves_coin_promises_covered(uint256 amount) external {
        _coversCoin(abi.encodeCall(book.withdrawSurplus, (address(coinTaker), address(alice), amount)));
    }

    function _coversCoin(bytes memory data) private {
        _anyBook(address(0));
        vm.assume(_isSound(address(coinTaker)));
        uint256 held = svm.createUint256("held");
        vm.deal(address(book), held);
        coinTaker.takeFrom(address(book));
        vm.assume(_isCovered());
        _call(book.owner(), 0, data);
        assert(_isCovered());
        assert(_isSound(address(0)));
    }

    function _isCovered() private view returns (bool) {
        (, uint256 total, uint256 claimed) = book.promised(address(0));
        (, uint256 later,) = book.announced(address(0));
        unchecked {
            uint256 covered = address(book).balance + claimed;
            return both(covered >= total, covered >= later);
        }
    }

    // ------------------------------------------------------------------

    /// @return clean Whether the token's word for it is enough.
    function _anyBehaviour(uint256 held, uint256 holds) private returns (bool clean) {
        uint256 size = 31 * anyOf(3);
        if (size > 31) size = 64;
        uint256 word = svm.createUint256("word");
        bool reverts = svm.createBool("reverts");
        odd.behave(reverts, size, word);
        odd.hold(held, holds, svm.createBool("says"));
        return both(!reverts, either(size == 0, both(size > 31, word == 1)));
    }

    function _claims(uint256 count, uint256 cumulative) private view returns (IPayoutBook.Claim[] memory claims) {
        claims = new IPayoutBook.Claim[](count);
        for (uint256 i = 0; i < count; ++i) {
            claims[i] = IPayoutBook.Claim(address(alice), cumulative, new bytes32[](0));
        }
    }

    function _figures() private view returns (Figures memory f) {
        f.paid = book.paid(address(alice), address(odd));
        (, f.total, f.claimed) = book.promised(address(odd));
    }

    /// @dev Claims and marks go together, and nothing else moves.
    function _moved(Figures memory before, Figures memory now_) private view {
        unchecked {
            assert(now_.claimed - before.claimed == now_.paid - before.paid);
        }
        assert(now_.total == before.total);
        assert(now_.paid >= before.paid);
        assert(_isSound(address(odd)));
    }
}

/// @title The opposite of what the proofs above rely on: each claim is false, and halmos must find out.
contract BookWitness is AnyBook {
    function check_no_root_is_ever_published(uint256 total, bytes32 root, uint256 value) external {
        _anyBook(address(0));
        assert(!_call(book.owner(), value, abi.encodeCall(book.publish, (total, root, address(0)))));
    }

    function check_no_surplus_is_ever_taken(uint256 amount) external {
        _anyBook(address(0));
        vm.deal(address(book), 100);
        vm.assume(amount > 0);
        assert(!_call(book.owner(), 0, abi.encodeCall(book.withdrawSurplus, (address(0), address(alice), amount))));
    }

    function check_no_claim_is_ever_paid(uint256 cumulative) external {
        _anyBook(address(0));
        vm.deal(address(book), 100);
        assert(!_call(address(bob), 0, abi.encodeCall(book.claim, (address(alice), cumulative, new bytes32[](0), address(0)))));
    }

    function check_no_claim_in_tokens_is_ever_paid(uint256 cumulative) external {
        _anyBook(address(token));
        bytes memory data = abi.encodeCall(book.claim, (address(alice), cumulative, new bytes32[](0), address(token)));
        assert(!_call(address(bob), 0, data));
    }

    function check_no_part_of_a_claim_is_ever_paid(uint256 cumulative) external {
        _anyBook(address(token));
        IPayoutBook.Claim[] memory claims = new IPayoutBook.Claim[](1);
        claims[0] = IPayoutBook.Claim(address(alice), cumulative, new bytes32[](0));
        uint256 before = book.paid(address(alice), address(token));
        _call(address(bob), 0, abi.encodeCall(book.claimMany, (address(token), claims)));
        uint256 paid = book.paid(address(alice), address(token));
        assert(either(paid == before, paid == cumulative));
    }

    function check_no_root_is_ever_withdrawn() external {
        _anyBook(address(0));
        assert(!_call(book.owner(), 0, abi.encodeCall(book.withdraw, (address(0)))));
    }

    function check_no_root_is_ever_activated() external {
        _anyBook(address(0));
        assert(!_call(address(bob), 0, abi.encodeCall(book.activate, (address(0)))));
    }
}
