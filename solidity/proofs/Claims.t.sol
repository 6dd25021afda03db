// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Anything} from "./Anything.sol";
import {Clone} from "revshare/lib/Clone.sol";
import {IRevenueSplit} from "revshare/split/IRevenueSplit.sol";
import {OddToken} from "./OddToken.sol";
import {PlainMoneyRule} from "tests/reference/PlainMoneyRule.sol";
import {Shipped} from "./Shipped.sol";
import {anyOf, both, either, svm, vm} from "./Cheats.sol";

interface IImplementations {
    function implementation() external view returns (address);
    function amendableImplementation() external view returns (address);
}

/// @title A claim of one payee of five to eight, on two pages, by terms of two tiers, from any state of a split.
/// @dev The terms are any: the clone's commitment is unknown, and so are all bytes of the proof but its form and the
///      settlement token. That a proof which leads to the commitment of terms shows the payee's entry of them is proved in
///      Terms.t.sol. The coin is held, and the token behaves, in any way; what the payee does is any.
abstract contract AnyClaim {
    uint256 private constant MAX_REVENUE = 2 ** 127 - 1;

    IImplementations internal factory = IImplementations(Shipped.deploy("RevenueSplitFactory", ""));
    PlainMoneyRule internal plain = new PlainMoneyRule();
    OddToken internal token = new OddToken();
    Anything internal other = new Anything();
    Anything internal payee = new Anything();
    IRevenueSplit internal split;

    struct AClaim {
        address asset;
        bytes proof;
        bytes terms; // as if the payee's page were all there is of entries
        uint256 place;
        uint256 held;
        uint256 revenue;
        uint256 base;
        uint256 books;
        uint256 account;
    }

    function _immutable() internal {
        bytes32 word = svm.createBytes32("commitment");
        _deploy(Clone.initCode(factory.implementation(), word, 0));
    }

    function _amendable() internal {
        bytes32 word = svm.createBytes32("commitment");
        _deploy(Clone.initCode(factory.amendableImplementation(), bytes32(hex"011a0b"), word, 0));
    }

    function _deploy(bytes memory code) private {
        address made;
        assembly ("memory-safe") {
            made := create(0, add(code, 0x20), mload(code))
        }
        split = IRevenueSplit(made);
    }

    /// @param settlement The settlement token.
    function _anyClaim(address asset, address settlement) internal returns (AClaim memory c) {
        c.asset = asset;
        svm.enableSymbolicStorage(address(split));
        c.held = svm.createUint256("held");
        if (asset == address(0)) vm.deal(address(split), c.held);
        token.hold(c.held, svm.createUint256("holds"), true);
        token.behave(svm.createBool("reverts"), 32 * anyOf(2), svm.createUint256("word"));
        c.books = _booksOf(asset);
        c.account = _accountOf(asset, address(payee));
        (c.place, c.terms, c.proof) = _anyProof(settlement);
        unchecked {
            c.revenue = c.held + uint128(c.books) / 2;
            if (either(c.revenue < c.held, c.revenue > MAX_REVENUE)) c.revenue = MAX_REVENUE;
        }
    }

    /// @dev Of the payee's page, which is the first of two.
    function _anyProof(address settlement) private returns (uint256 place, bytes memory terms, bytes memory proof) {
        bytes memory header = bytes.concat(hex"00", bytes20(settlement), hex"02");
        uint48[2] memory totals;
        for (uint256 t = 0; t < 2; ++t) {
            totals[t] = uint48(svm.createUint256("total"));
            vm.assume(totals[t] != 0);
        }
        uint128 until = uint128(svm.createUint256("until"));
        vm.assume(both(until != 0, until < MAX_REVENUE));
        header = bytes.concat(header, bytes16(until), bytes6(totals[0]), bytes16(0), bytes6(totals[1]));
        place = anyOf(4);
        bytes memory before = place == 0 ? new bytes(0) : svm.createBytes(28 * place, "page");
        bytes memory behind = svm.createBytes(8 + 28 * (3 - place), "page");
        terms = bytes.concat(header, before, bytes20(address(payee)), behind);
        proof = bytes.concat(
            svm.createBytes(4, "length"), header, bytes1(uint8(64 + place)), bytes2(0), before, behind, svm.createBytes(32, "sibling")
        );
    }

    function _claim(AClaim memory c) internal returns (bool done, uint256 amount) {
        bytes memory answer;
        (done, answer) = address(split).call(abi.encodeCall(split.claim, (address(payee), c.proof, c.asset)));
        if (done) amount = abi.decode(answer, (uint256));
    }

    function _mark(AClaim memory c) internal pure returns (uint256) {
        return c.books >> 128 > c.account >> 128 ? c.books >> 128 : c.account >> 128;
    }

    function _booksOf(address asset) internal view returns (uint256) {
        return _load(keccak256(abi.encode(asset, 0)));
    }

    function _accountOf(address asset, address of_) internal view returns (uint256) {
        return _load(keccak256(abi.encode(of_, keccak256(abi.encode(asset, 1)))));
    }

    function _load(bytes32 slot) internal view returns (uint256) {
        return uint256(vm.load(address(split), slot));
    }
}

/// @title A claim pays what the money rule gives the payee's entry, and moves its own mark and the books, and nothing else.
/// @custom:halmos --solver-timeout-branching 2s
contract ClaimProof is AnyClaim {
    // What is claimed, and what is the settlement token: the same or not.

    function check_a_claim_of_coin() external {
        _immutable();
        _pays(_anyClaim(address(0), address(0)));
    }

    function check_a_claim_of_coin_besides() external {
        _immutable();
        _pays(_anyClaim(address(0), address(other)));
    }

    function check_a_claim_of_tokens() external {
        _immutable();
        _pays(_anyClaim(address(token), address(token)));
    }

    function check_a_claim_of_tokens_besides() external {
        _immutable();
        _pays(_anyClaim(address(token), address(0)));
    }

    function check_long_a_claim_of_tokens_besides_others() external {
        _immutable();
        _pays(_anyClaim(address(token), address(other)));
    }

    function check_a_claim_of_coin_by_amended_terms() external {
        _amendable();
        _paysByAmended(_anyClaim(address(0), address(0)));
    }

    function check_a_claim_of_tokens_by_amended_terms() external {
        _amendable();
        _paysByAmended(_anyClaim(address(token), address(token)));
    }

    /// @dev `base` is where everybody's mark was when the terms came into force.
    function _paysByAmended(AClaim memory c) private {
        c.base = uint128(_load(keccak256(abi.encode(c.asset, 7))) >> 64);
        vm.assume(c.base <= c.books >> 128);
        _pays(c);
    }

    /// @dev Somebody's place in the split's storage, with regard to an asset or an id.
    struct Place {
        address asset;
        address who;
        bytes32 id;
    }

    function _pays(AClaim memory c) private {
        uint256 mark = _mark(c);
        Place memory any = Place(svm.createAddress("asset"), svm.createAddress("who"), svm.createBytes32("id"));
        uint256[5] memory before = _at(any);
        uint256 got = address(payee).balance;
        (bool done, uint256 amount) = _claim(c);
        _isUntouched(c, any, before, done);
        if (!done) return;
        assert(amount == plain.earned(c.terms, c.place, c.asset, c.base, mark, c.revenue));
        unchecked {
            assert(amount != 0);
            assert(_booksOf(c.asset) == c.books + 2 * amount | 1);
            assert(_accountOf(c.asset, address(payee)) == (c.revenue << 128 | uint128(c.account)));
            if (c.asset == address(0)) assert(address(payee).balance - got == amount);
        }
    }

    function _isUntouched(AClaim memory c, Place memory any, uint256[5] memory before, bool done) private view {
        uint256[5] memory now_ = _at(any);
        bool touched = both(any.asset == c.asset, done);
        bool same = either(now_[0] == before[0], touched);
        same = both(same, either(now_[1] == before[1], both(touched, any.who == address(payee))));
        for (uint256 i = 2; i < 5; ++i) {
            same = both(same, now_[i] == before[i]);
        }
        assert(same);
    }

    /// @dev The books, an account, a sale, a batch, and the note of the settlement token.
    function _at(Place memory place) private view returns (uint256[5] memory words) {
        words[0] = _booksOf(place.asset);
        words[1] = _accountOf(place.asset, place.who);
        words[2] = _load(keccak256(abi.encode(place.id, keccak256(abi.encode(place.who, 2)))));
        words[3] = _load(keccak256(abi.encode(place.id, keccak256(abi.encode(place.who, 3)))));
        words[4] = _load(bytes32(uint256(4)));
    }
}

/// @title The opposite of what the proofs above rely on.
contract ClaimWitness is AnyClaim {
    function check_no_coin_is_ever_claimed() external {
        _immutable();
        (bool done,) = _claim(_anyClaim(address(0), address(0)));
        assert(!done);
    }

    function check_no_coin_is_ever_claimed_besides() external {
        _immutable();
        (bool done,) = _claim(_anyClaim(address(0), address(other)));
        assert(!done);
    }

    function check_no_tokens_are_ever_claimed() external {
        _immutable();
        (bool done,) = _claim(_anyClaim(address(token), address(token)));
        assert(!done);
    }

    function check_no_tokens_are_ever_claimed_by_amended_terms() external {
        _amendable();
        (bool done,) = _claim(_anyClaim(address(token), address(token)));
        assert(!done);
    }
}
