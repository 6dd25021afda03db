// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Agreement, Agreements} from "../Agreement.sol";
import {AnsweringToken} from "../AnsweringToken.sol";
import {Chance} from "../Chance.sol";
import {IMoneyHarness, Stretch} from "./IHarness.sol";
import {IFactory} from "../IFactory.sol";
import {IRevenueSplit} from "revshare/split/IRevenueSplit.sol";
import {Payee} from "mocks/Payee.sol";
import {PlainMoneyRule} from "../reference/PlainMoneyRule.sol";
import {PlainPayout} from "../reference/PlainPayout.sol";
import {Shipped} from "../Shipped.sol";
import {vm} from "../Vm.sol";

/// @title Payments go out as reference/PlainPayout.sol states it, of amounts that reference/PlainMoneyRule.sol states: in the
///        library, and in what is shipped.
contract PayoutFuzz {
    using Agreements for Agreement;

    uint256 private constant _PAYEES = 7;
    uint256 private constant _MAX = 2 ** 127 - 1;

    IFactory private _factory;
    IMoneyHarness private _library;
    PlainPayout private _plain;
    PlainMoneyRule private _rule;
    AnsweringToken private _token;
    address[_PAYEES] private _payees;

    function setUp() external {
        _factory = IFactory(Shipped.deploy("RevenueSplitFactory"));
        (_library, _plain, _rule) = (IMoneyHarness(vm.deployCode("Harness.sol:MoneyHarness")), new PlainPayout(), new PlainMoneyRule());
        _token = new AnsweringToken();
        for (uint256 i = 0; i < _PAYEES; ++i) {
            _payees[i] = i < 2 ? address(uint160(0x9A1 + i)) : address(new Payee());
        }
    }

    // ------------------------------------------------------------------ the loop

    function testFuzz_theLoopIsPlain(uint256 seed) external {
        (Agreement memory a, address asset) = _anyAgreement(seed);
        Stretch memory s;
        s.token = asset;
        s.base = seed % 2 == 0 ? 0 : Chance.revenue(seed, "base");
        s.from = s.base + (seed % 3 == 0 ? 0 : Chance.revenue(seed, "from"));
        s.to = s.from + Chance.revenue(seed, "to");
        if (s.to > _MAX) s.to = _MAX;
        if (s.from >= s.to) return;
        uint256 held = Chance.draw(seed, "too little") % 8 == 0 ? (s.to - s.from) / 2 : s.to - s.from;
        _give(asset, address(_plain), held);
        _give(asset, address(_library), held);
        _runsAlike(a, asset, s);
        require(_balance(asset, address(_library)) == _balance(asset, address(_plain)), "what is left");
    }

    function _runsAlike(Agreement memory a, address asset, Stretch memory s) private {
        uint256[] memory amounts = _amounts(a, s);
        uint256[] memory had = _balances(asset, a.payees);
        (uint256 stopped, uint256 sent, bool called) = _plain.payUntilFailure(asset, a.payees, amounts);
        uint256 failed = stopped < amounts.length ? amounts[stopped] : type(uint256).max;
        uint256[] memory got = _balances(asset, a.payees);
        _ranAlike(a.pack(), s, stopped, sent, failed, called);
        _gotTheSame(a, asset, had, got);
    }

    function _ranAlike(
        bytes memory terms,
        Stretch memory s,
        uint256 stopped,
        uint256 sent,
        uint256 failed,
        bool called
    ) private {
        (uint256 stopped_, uint256 sent_, uint256 amount_, bool called_) = _library.run(terms, s);
        require(stopped_ == stopped && sent_ == sent, "where it stopped, and what it has sent");
        if (failed != type(uint256).max) require(amount_ == failed && called_ == called, "the payment that failed");
    }

    function _gotTheSame(Agreement memory a, address asset, uint256[] memory had, uint256[] memory got) private view {
        for (uint256 i = 0; i < a.payees.length; ++i) {
            require(_balance(asset, a.payees[i]) - got[i] == got[i] - had[i], "what arrived");
        }
    }

    // ------------------------------------------------------------------ what is shipped

    /// @notice Two distributions, one after the other: each pays and credits what the references say.
    function testFuzz_aDistributionIsPlain(uint256 seed) external {
        (Agreement memory a, address asset) = _anyAgreement(seed);
        IRevenueSplit split = IRevenueSplit(_factory.create(a.pack(), 0));
        _give(asset, address(split), 1 + Chance.revenue(seed, "first") / 2);
        uint256 first = _distributes(split, a, asset);
        _change(seed ^ 1, asset);
        // What a token said it had sent and did not is revenue once more.
        _give(asset, address(split), 1 + Chance.revenue(seed, "second") / 2);
        uint256 second = _distributes(split, a, asset);
        (, uint256 paidOut,) = split.marks(asset);
        require(paidOut == first + second, "paid out in all");
    }

    /// @return sent What has left, by the reference.
    function _distributes(IRevenueSplit split, Agreement memory a, address asset) private returns (uint256 sent) {
        Stretch memory s;
        s.token = asset;
        (s.from,,) = split.marks(asset);
        s.to = split.received(asset);
        uint256[] memory amounts = _amounts(a, s);
        uint256[] memory credits = _credits(split, a, asset);
        // The reference holds what the split holds.
        _set(asset, address(_plain), _balance(asset, address(split)));
        uint256[] memory had = _balances(asset, a.payees);
        bool[] memory paid = _plain.payAll(asset, a.payees, amounts);
        uint256[] memory got = _balances(asset, a.payees);
        (uint256 sent_, uint256 credited_) = split.distribute(a.pack(), asset);
        _gotTheSame(a, asset, had, got);
        uint256[] memory now_ = _credits(split, a, asset);
        for (uint256 i = 0; i < paid.length; ++i) {
            require(now_[i] == credits[i] + (paid[i] ? 0 : amounts[i]), "what was set aside");
            if (paid[i]) sent += amounts[i];
            else credited_ -= amounts[i];
        }
        require(sent_ == sent && credited_ == 0, "what it says it sent and set aside");
    }

    function _credits(IRevenueSplit split, Agreement memory a, address asset)
        private
        view
        returns (uint256[] memory credits)
    {
        credits = new uint256[](a.payees.length);
        for (uint256 i = 0; i < credits.length; ++i) {
            credits[i] = split.credit(a.payees[i], asset);
        }
    }

    // ------------------------------------------------------------------ within

    /// @dev Some of the payees, of any mood; and an asset whose ways are any.
    function _anyAgreement(uint256 seed) private returns (Agreement memory a, address asset) {
        asset = Chance.draw(seed, "asset") % 3 == 0 ? address(_token) : address(0);
        address settlement = Chance.draw(seed, "settlement") % 3 == 0 ? address(_token) : address(0);
        address[] memory who = new address[](1 + Chance.draw(seed, "count") % _PAYEES);
        uint256 first = Chance.draw(seed, "first") % _PAYEES;
        for (uint256 i = 0; i < who.length; ++i) {
            who[i] = _payees[(first + i) % _PAYEES];
        }
        a = Agreements.random(seed, settlement, who, 8, seed % 3 == 0 ? 10 ** 24 : 10 ** 6);
        _change(seed, asset);
    }

    function _change(uint256 seed, address asset) private {
        if (asset == address(0)) {
            for (uint256 i = 2; i < _PAYEES; ++i) {
                uint256 mood = Agreements.draw(seed, "mood", i) % 12;
                uint64 hunger = uint64(Agreements.draw(seed, "hunger", i) % 60_000);
                if (mood < 5) Payee(payable(_payees[i])).become(Payee.Mood(mood), 0);
                else Payee(payable(_payees[i])).become(mood < 8 ? Payee.Mood.Honest : Payee.Mood.Hungry, hunger);
            }
            return;
        }
        address victim = Chance.draw(seed, "everybody") % 3 == 0 ? address(0) : _payees[seed % _PAYEES];
        uint256 number = Chance.revenue(seed, "number");
        _token.behave(AnsweringToken.Moves(Chance.draw(seed, "moves") % 3), number, victim);
        uint256 word = [uint256(0), 1, 1, 2, 1 << 248][Chance.draw(seed, "word") % 5];
        uint256 length = [uint256(0), 1, 31, 32, 33, 32][Chance.draw(seed, "length") % 6];
        _token.answer(Chance.draw(seed, "reverts") % 5 == 0, word, length);
    }

    function _amounts(Agreement memory a, Stretch memory s) private view returns (uint256[] memory amounts) {
        bytes memory terms = a.pack();
        amounts = new uint256[](a.payees.length);
        for (uint256 i = 0; i < amounts.length; ++i) {
            amounts[i] = _rule.earned(terms, i, s.token, s.base, s.from, s.to);
        }
    }

    function _balance(address asset, address who) private view returns (uint256) {
        return asset == address(0) ? who.balance : _token.held(who);
    }

    function _balances(address asset, address[] memory who) private view returns (uint256[] memory held) {
        held = new uint256[](who.length);
        for (uint256 i = 0; i < who.length; ++i) {
            held[i] = _balance(asset, who[i]);
        }
    }

    function _give(address asset, address to, uint256 amount) private {
        if (asset == address(0)) vm.deal(to, to.balance + amount);
        else _token.mint(to, amount);
    }

    function _set(address asset, address who, uint256 amount) private {
        if (asset == address(0)) vm.deal(who, amount);
        else if (_token.held(who) < amount) _token.mint(who, amount - _token.held(who));
        else _token.burn(who, _token.held(who) - amount);
    }
}
