// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Anything} from "./Anything.sol";
import {Shipped} from "./Shipped.sol";
import {svm, vm} from "./Cheats.sol";

interface IBook {
    struct Claim {
        address payee;
        uint256 cumulative;
        bytes32[] proof;
    }

    function owner() external view returns (address);
    function pendingOwner() external view returns (address);
    function delay() external view returns (uint256);
    function paid(address payee, address token) external view returns (uint256);
    function promised(address token) external view returns (bytes32 root, uint256 total, uint256 claimed);
    function announced(address token) external view returns (bytes32 root, uint256 total, uint256 activeAt);
    function publish(uint256 total, bytes32 root, address token) external payable;
    function withdraw(address token) external;
    function withdrawSurplus(address token, address to, uint256 amount) external;
    function transferOwnership(address next) external;
    function acceptOwnership() external;
    function activate(address token) external;
    function claim(address payee, uint256 cumulative, bytes32[] calldata proof, address token) external returns (uint256);
    function claimTo(address to, uint256 cumulative, bytes32[] calldata proof, address token) external returns (uint256);
    function claimMany(address token, Claim[] calldata claims) external returns (uint256 sent, uint256 skipped);
}

/// @title A PayoutBook in any state in which no more is claimed than promised.
abstract contract AnyBook {
    Anything internal token = new Anything();
    Anything internal alice = new Anything();
    Anything internal bob = new Anything();
    IBook internal book;

    function _anyBook() internal {
        uint256 delay = svm.createUint256("delay");
        vm.assume(delay <= 365 days);
        book = IBook(Shipped.deploy("PayoutBook", abi.encode(address(this), delay)));
        svm.enableSymbolicStorage(address(book));
        uint256 time = svm.createUint256("time");
        vm.assume(time < 2 ** 63);
        vm.warp(time);
        vm.assume(book.owner() != address(book));
        _sound(address(0), delay);
        _sound(address(token), delay);
    }

    /// @dev What `publish` and claims keep up: no more is claimed than promised; only with a delay is anything announced, and
    ///      not for less. The views show what is due as if it were in force, so this looks into the slots behind them.
    function _sound(address asset, uint256 delay) internal view {
        uint256 books = uint256(vm.load(address(book), bytes32(uint256(keccak256(abi.encode(asset, 2))) + 1)));
        uint256 announced = uint256(vm.load(address(book), keccak256(abi.encode(asset, 3))));
        vm.assume(uint128(books) <= books >> 128);
        if (delay == 0) vm.assume(announced == 0);
        else vm.assume(uint64(announced >> 128) == 0 || uint128(announced) >= books >> 128);
    }

    function _call(address who, uint256 value, bytes memory data) internal returns (bool done) {
        vm.deal(who, value);
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
        _anyBook();
        vm.assume(caller != book.owner());
        assert(!_call(caller, value, data));
    }

    function check_only_whom_it_was_offered_to_accepts_the_book(address caller) external {
        _anyBook();
        (address owner, address next) = (book.owner(), book.pendingOwner());
        bool done = _call(caller, 0, abi.encodeCall(book.acceptOwnership, ()));
        assert(done == (caller == next));
        assert(book.owner() == (done ? next : owner));
        assert(!done || book.pendingOwner() == address(0));
    }

    function check_an_offer_changes_no_owner(address next) external {
        _anyBook();
        address owner = book.owner();
        assert(_call(owner, 0, abi.encodeCall(book.transferOwnership, (next))));
        assert(book.owner() == owner && book.pendingOwner() == next);
    }

    function check_a_claim_changes_no_owner(uint256 cumulative) external {
        _anyBook();
        (address owner, address next) = (book.owner(), book.pendingOwner());
        _call(address(bob), 0, abi.encodeCall(book.claim, (address(alice), cumulative, new bytes32[](0), address(0))));
        assert(book.owner() == owner && book.pendingOwner() == next);
    }

    // ------------------------------------------------------------------ claims

    function check_a_claim_pays_exactly_what_is_missing(uint256 cumulative, uint256 held) external {
        _anyBook();
        _paysExactly(cumulative, held, abi.encodeCall(book.claim, (address(alice), cumulative, new bytes32[](0), address(0))));
    }

    function check_a_claim_sent_elsewhere_pays_exactly_what_is_missing(uint256 cumulative, uint256 held)
        external
    {
        _anyBook();
        _paysExactly(cumulative, held, abi.encodeCall(book.claimTo, (address(bob), cumulative, new bytes32[](0), address(0))));
    }

    function _paysExactly(uint256 cumulative, uint256 held, bytes memory data) private {
        vm.deal(address(book), held);
        uint256 before = book.paid(address(alice), address(0));
        uint256 others = book.paid(address(bob), address(0));
        (, uint256 total, uint256 claimed) = book.promised(address(0));
        bool done = _call(address(alice), 0, data);
        (, uint256 totalAfter, uint256 claimedAfter) = book.promised(address(0));
        uint256 amount = done ? cumulative - before : 0;
        assert(book.paid(address(alice), address(0)) == before + amount);
        assert(book.paid(address(bob), address(0)) == others);
        assert(address(book).balance == held - amount);
        assert(claimedAfter == claimed + amount && totalAfter == total && claimedAfter <= total);
    }

    /// @dev Also while a claim is made within a claim.
    function check_no_claim_in_tokens_lowers_what_was_paid(uint256 cumulative, uint256 within) external {
        _anyBook();
        token.callInside(
            address(book), 0, abi.encodeCall(book.claim, (address(alice), within, new bytes32[](0), address(token)))
        );
        uint256 before = book.paid(address(alice), address(token));
        bool done =
            _call(address(bob), 0, abi.encodeCall(book.claim, (address(alice), cumulative, new bytes32[](0), address(token))));
        uint256 after_ = book.paid(address(alice), address(token));
        assert(done ? after_ == cumulative && after_ > before : after_ == before);
        assert(!token.insideSucceeded());
    }

    function check_no_bulk_claim_lowers_what_was_paid(uint256 first, uint256 second, uint256 held) external {
        _anyBook();
        vm.deal(address(book), held);
        IBook.Claim[] memory claims = new IBook.Claim[](2);
        claims[0] = IBook.Claim(address(alice), first, new bytes32[](0));
        claims[1] = IBook.Claim(address(alice), second, new bytes32[](0));
        uint256 before = book.paid(address(alice), address(0));
        _call(address(bob), 0, abi.encodeCall(book.claimMany, (address(0), claims)));
        uint256 after_ = book.paid(address(alice), address(0));
        assert(after_ >= before);
        assert(held - address(book).balance == after_ - before);
    }

    // ------------------------------------------------------------------ promises

    function check_a_root_is_refused_unless_funded(uint256 total, bytes32 root, uint256 held, uint256 value) external {
        _anyBook();
        vm.assume(value <= 2 ** 128 && held <= 2 ** 128);
        vm.deal(address(book), held);
        (, uint256 before, uint256 claimed) = book.promised(address(0));
        bool done = _call(book.owner(), value, abi.encodeCall(book.publish, (total, root, address(0))));
        (, uint256 inForce,) = book.promised(address(0));
        assert(!done || (total >= before && held + value + claimed >= total));
        // In force at once without a delay, and else not yet.
        assert(inForce == (done && book.delay() == 0 ? total : before));
    }

    function check_the_owner_takes_only_what_was_never_promised(uint256 amount, uint256 held) external {
        _anyBook();
        vm.assume(held <= 2 ** 128);
        vm.deal(address(book), held);
        (, uint256 total, uint256 claimed) = book.promised(address(0));
        (, uint256 totalAnnounced,) = book.announced(address(0));
        if (totalAnnounced > total) total = totalAnnounced;
        bool done = _call(book.owner(), 0, abi.encodeCall(book.withdrawSurplus, (address(0), address(alice), amount)));
        assert(!done || address(book).balance + claimed >= total);
    }
}

/// @title The opposite of what the proofs above rely on: each claim is false, and halmos must find out.
contract BookWitness is AnyBook {
    function check_no_root_is_ever_published(uint256 total, bytes32 root, uint256 value) external {
        _anyBook();
        assert(!_call(book.owner(), value, abi.encodeCall(book.publish, (total, root, address(0)))));
    }

    function check_no_surplus_is_ever_taken(uint256 amount) external {
        _anyBook();
        vm.deal(address(book), 100);
        vm.assume(amount > 0);
        assert(!_call(book.owner(), 0, abi.encodeCall(book.withdrawSurplus, (address(0), address(alice), amount))));
    }

    function check_no_claim_is_ever_paid(uint256 cumulative) external {
        _anyBook();
        vm.deal(address(book), 100);
        assert(!_call(address(bob), 0, abi.encodeCall(book.claim, (address(alice), cumulative, new bytes32[](0), address(0)))));
    }
}
