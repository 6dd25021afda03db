// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Anything} from "./Anything.sol";
import {OddToken} from "./OddToken.sol";
import {PlainPayout} from "tests/reference/PlainPayout.sol";
import {Shipped} from "./Shipped.sol";
import {anyOf, both, either, svm, vm} from "./Cheats.sol";

interface IDeliverer {
    error NotEnoughGas();
    error NotAToken(address token);
    error PaymentFailed(address asset, address payee, uint256 amount);

    function attempt(address asset, address to, uint256 amount, uint256 held) external returns (bool paid);
    function sendAll(address asset, address to, uint256 amount, uint256 held) external;
    function judge(address asset, address to, uint256 amount, uint256 held, bool called)
        external
        view
        returns (bool paid);
}

/// @title lib/Delivery.sol does what its table says, whatever a token answers, and whatever it does to our balance.
/// @dev Of answers there are none, a byte, one byte less than a word, a word, one byte more, and two words: what is looked at
///      is whether there are none, fewer than a word, or more, and the first word.
contract DeliveryProof {
    IDeliverer internal deliverer = IDeliverer(Shipped.deploy("Deliverer", ""));
    PlainPayout internal plain = new PlainPayout();
    OddToken internal token = new OddToken();
    Anything internal payee = new Anything();

    struct Delivered {
        bool reverts;
        bytes answer;
        bool says;
        uint256 amount;
        uint256 held;
        uint256 holds;
    }

    function check_an_attempt_in_tokens() external {
        Delivered memory d = _any();
        (bool done, bytes memory answer) =
            address(deliverer).call(abi.encodeCall(deliverer.attempt, (address(token), address(payee), d.amount, d.held)));
        if (done) return _isAsTheTableSays(d, abi.decode(answer, (bool)));
        _isUndone(d, bytes4(answer));
    }

    function check_a_judgement() external {
        Delivered memory d = _any();
        vm.assume(!_isClean(d));
        token.hold(d.holds, d.holds, d.says);
        (bool done, bytes memory answer) = address(deliverer).call(
            abi.encodeCall(deliverer.judge, (address(token), address(payee), d.amount, d.held, !d.reverts))
        );
        if (done) return _isAsTheTableSays(d, abi.decode(answer, (bool)));
        _isUndone(d, bytes4(answer));
    }

    /// @dev A payment of nothing is never made.
    function check_all_or_nothing_in_tokens() external {
        Delivered memory d = _any();
        vm.assume(d.amount != 0);
        (bool done, bytes memory answer) =
            address(deliverer).call(abi.encodeCall(deliverer.sendAll, (address(token), address(payee), d.amount, d.held)));
        bool whole = plain.isPaid(address(token), d.amount, !d.reverts, d.answer, d.held, d.holds);
        bool seen = either(_isClean(d), either(d.reverts, d.says));
        if (done) assert(both(whole, either(_isClean(d), d.says)));
        else if (seen) assert(both(!whole, bytes4(answer) == IDeliverer.PaymentFailed.selector));
        else assert(bytes4(answer) == IDeliverer.NotAToken.selector);
    }

    /// @dev Where nobody has looked at the balance, only a clean success is one.
    function check_all_or_nothing_unseen() external {
        Delivered memory d = _any();
        vm.assume(d.amount != 0);
        (bool done,) =
            address(deliverer).call(abi.encodeCall(deliverer.sendAll, (address(token), address(payee), d.amount, 0)));
        assert(done == _isClean(d));
    }

    function check_silence_without_code() external {
        (uint256 amount, uint256 held) = (svm.createUint256("amount"), svm.createUint256("held"));
        address none = address(0xDEAD);
        (bool done, bytes memory answer) =
            address(deliverer).call(abi.encodeCall(deliverer.attempt, (none, address(payee), amount, held)));
        if (done) assert(!abi.decode(answer, (bool)));
        else assert(bytes4(answer) == IDeliverer.NotEnoughGas.selector);
        (done,) = address(deliverer).call(abi.encodeCall(deliverer.sendAll, (none, address(payee), amount, held)));
        assert(!done);
    }

    function check_an_attempt_in_coin(uint256 amount, uint256 held, uint256 believed) external {
        vm.deal(address(deliverer), held);
        uint256 before = address(payee).balance;
        (bool done, bytes memory answer) =
            address(deliverer).call(abi.encodeCall(deliverer.attempt, (address(0), address(payee), amount, believed)));
        unchecked {
            uint256 got = address(payee).balance - before;
            if (done) {
                assert(got == (abi.decode(answer, (bool)) ? amount : 0));
            } else {
                assert(both(got == 0, bytes4(answer) == IDeliverer.NotEnoughGas.selector));
            }
            assert(address(deliverer).balance == held - got);
        }
    }

    function check_all_or_nothing_in_coin(uint256 amount, uint256 held, uint256 believed) external {
        vm.deal(address(deliverer), held);
        uint256 before = address(payee).balance;
        // What is held is what is believed, or nobody has looked: never more than is held.
        vm.assume(believed <= held);
        (bool done, bytes memory answer) =
            address(deliverer).call(abi.encodeCall(deliverer.sendAll, (address(0), address(payee), amount, believed)));
        unchecked {
            assert(address(payee).balance - before == (done ? amount : 0));
            assert(address(deliverer).balance == held - (done ? amount : 0));
        }
        if (!done) assert(bytes4(answer) == IDeliverer.PaymentFailed.selector);
    }

    function _any() private returns (Delivered memory d) {
        uint256 size = _sizeAt(anyOf(6));
        uint256 word = svm.createUint256("word");
        d.reverts = svm.createBool("reverts");
        d.says = svm.createBool("says");
        d.amount = svm.createUint256("amount");
        d.held = svm.createUint256("held");
        d.holds = svm.createUint256("holds");
        d.answer = new bytes(size);
        bytes memory answer = d.answer;
        assembly ("memory-safe") {
            if gt(size, 0x1f) { mstore(add(answer, 0x20), word) }
        }
        token.behave(d.reverts, size, word);
        token.hold(d.held, d.holds, d.says);
    }

    function _sizeAt(uint256 which) private pure returns (uint256) {
        if (which < 2) return which;
        return which < 5 ? 29 + which : 64;
    }

    function _isClean(Delivered memory d) private view returns (bool) {
        return plain.isClean(address(token), !d.reverts, d.answer);
    }

    function _isAsTheTableSays(Delivered memory d, bool paid) private view {
        assert(paid == plain.isPaid(address(token), d.amount, !d.reverts, d.answer, d.held, d.holds));
        // What is not paid has not happened: it was reverted. And without a balance nothing was judged by it.
        assert(either(paid, d.reverts));
        assert(either(d.says, either(_isClean(d), d.reverts)));
    }

    /// @dev Only what had to be looked at: too little gas is left, no balance is said, or another than was to be.
    function _isUndone(Delivered memory d, bytes4 reason) private view {
        assert(!_isClean(d));
        bool paid = plain.isPaid(address(token), d.amount, !d.reverts, d.answer, d.held, d.holds);
        bool refused = both(reason == IDeliverer.PaymentFailed.selector, both(!paid, !d.reverts));
        bool silent = both(reason == IDeliverer.NotAToken.selector, both(!d.says, !d.reverts));
        assert(either(reason == IDeliverer.NotEnoughGas.selector, either(refused, silent)));
    }
}
