// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Agreement, Agreements} from "../Agreement.sol";
import {Chance} from "../Chance.sol";
import {IAmendableSplit, IAmendments} from "revshare/amendable/IAmendableSplit.sol";
import {IFactory} from "../IFactory.sol";
import {IRevenueSplitOffice} from "revshare/split/IRevenueSplit.sol";
import {Lock} from "revshare/lib/Lock.sol";
import {Payee} from "mocks/Payee.sol";
import {PlainMoneyRule} from "../reference/PlainMoneyRule.sol";
import {Shipped} from "../Shipped.sol";
import {Token} from "mocks/Token.sol";
import {vm} from "../Vm.sol";

/// @title Single amendments, looked at closely.
contract AmendmentFuzz {
    using Agreements for Agreement;

    address private constant _CONTROLLER = address(0xC0);
    bytes32 private constant _NOTICE = bytes32(uint256(2) << 248 | uint256(1) << 200 | uint160(_CONTROLLER));

    IFactory private _factory;
    PlainMoneyRule private _rule;
    Token private _token;

    function setUp() external {
        _factory = IFactory(Shipped.deploy("RevenueSplitFactory"));
        (_rule, _token) = (new PlainMoneyRule(), new Token(6));
        vm.warp(1_700_000_000);
    }

    // One run: what is looked at, from which revenue on the terms count, and who has claimed.
    IAmendableSplit private _split;
    address private _asset;
    uint256 private _base;
    uint256 private _claimed;

    /// @notice What is earned since an amendment is what the plain rule says of terms that count from there; and all of it, and
    ///         nothing else, is paid.
    function testFuzz_earnedSinceAnAmendment(uint256 seed) external {
        address settlement = seed % 2 == 0 ? address(0) : address(_token);
        _asset = seed % 3 == 0 ? address(_token) : address(0);
        Agreement memory before = Chance.agreement(seed, settlement, 5, 8);
        Agreement memory now_ = Chance.agreement(~seed, settlement, 5, 8);
        _split = IAmendableSplit(_factory.createAmendable(before.pack(), _NOTICE, uint64(seed)));
        _give(_asset, address(_split), Chance.revenue(seed, "before") / 2);
        _amend(_split, before, now_, _asset);
        _base = _split.received(_asset);
        (,, bytes32 commitment) = _split.termsOf(_asset);
        require(commitment == now_.commitment(), "other terms are in force");

        _give(_asset, address(_split), Chance.revenue(seed, "since") / 2);
        uint256 i = Chance.draw(seed, "who") % now_.payees.length;
        (bool claimed,) =
            address(_split).call(abi.encodeCall(_split.claim, (now_.payees[i], now_.proof(i), _asset)));
        _claimed = claimed ? i : type(uint256).max;
        _linesArePlain(now_);
    }

    function _linesArePlain(Agreement memory a) private {
        (uint256 revenue, IRevenueSplitOffice.Line[] memory lines) = _split.statement(a.pack(), _asset);
        uint256[] memory had = new uint256[](lines.length);
        for (uint256 n = 0; n < had.length; ++n) {
            uint256 earned = _rule.earned(a.pack(), n, _asset, _base, _base, revenue);
            require(lines[n].entitlement == earned, "the entitlement");
            require(lines[n].paid == (n == _claimed ? earned : 0), "what was paid");
            require(lines[n].due == earned - lines[n].paid, "what is due");
            had[n] = _balance(_asset, a.payees[n]);
        }
        _split.distribute(a.pack(), _asset);
        for (uint256 n = 0; n < had.length; ++n) {
            require(_balance(_asset, a.payees[n]) == had[n] + lines[n].due, "what arrived");
        }
    }

    function _amend(IAmendableSplit split, Agreement memory from, Agreement memory to, address asset) private {
        address[] memory tokens = new address[](1);
        tokens[0] = asset;
        vm.prank(_CONTROLLER);
        split.proposeAmendment(from.pack(), to.pack(), tokens);
        vm.warp(block.timestamp + 1);
        split.amend(from.pack(), to.pack(), tokens, new IAmendments.Consent[](0), 0);
    }

    /// @notice Somebody claims, the token takes balance away, and amendments drop it and bring it back: for what it has been
    ///         paid once it is not paid again, whatever was distributed meanwhile; and all else that is due is paid.
    function testFuzz_aClaimAheadIsRememberedAcrossAmendments(uint256 seed) external {
        address[] memory who = Chance.people(seed, 4);
        Agreement memory others = Agreements.random(seed, address(_token), who, 3, 10 ** 6);
        address[] memory all = new address[](who.length + 1);
        for (uint256 n = 0; n < who.length; ++n) {
            all[n] = who[n];
        }
        address payee = address(0x9A1);
        all[who.length] = payee;
        Agreement memory first = Agreements.random(~seed, address(_token), all, 3, 10 ** 6);
        _split = IAmendableSplit(_factory.createAmendable(first.pack(), _NOTICE, uint64(seed)));
        _token.mint(address(_split), 1 + Chance.draw(seed, "first") % 10 ** 7);
        _claimAs(first, payee);
        uint256 mark = _split.markOf(payee, address(_token));
        uint256 held = _token.held(address(_split));
        _token.set(address(_split), Chance.draw(seed, "fallen") % (held + 1));

        _amend(_split, first, others, address(_token));
        _token.mint(address(_split), Chance.draw(seed, "meanwhile") % 10 ** 6);
        if (seed % 2 == 0) _split.distribute(others.pack(), address(_token));
        _amend(_split, others, first, address(_token));
        (, uint256 base,) = _split.termsOf(address(_token));
        _token.mint(address(_split), Chance.draw(seed, "since") % 10 ** 8);
        if (seed % 4 < 2) _split.distribute(first.pack(), address(_token));
        _token.mint(address(_split), Chance.draw(seed, "in the end") % 10 ** 8);
        uint256 had = _earnedBefore(first, payee, mark);
        _split.distribute(first.pack(), address(_token));
        uint256 to = _split.received(address(_token));
        uint256 place = 0;
        while (first.payees[place] != payee) ++place;
        uint256 earned = _rule.earned(first.pack(), place, address(_token), base, mark > base ? mark : base, to);
        require(_token.held(payee) == had + earned, "paid twice, or not at all");
    }

    function _claimAs(Agreement memory a, address payee) private {
        uint256 place = 0;
        while (a.payees[place] != payee) ++place;
        (bool done,) =
            address(_split).call(abi.encodeCall(_split.claim, (payee, a.proof(place), address(_token))));
        done;
    }

    /// @dev By the first terms, up to its own mark.
    function _earnedBefore(Agreement memory a, address payee, uint256 mark) private view returns (uint256) {
        uint256 place = 0;
        while (a.payees[place] != payee) ++place;
        return _rule.earned(a.pack(), place, address(_token), 0, 0, mark);
    }

    /// @notice The digest that payees sign is that of EIP-712, over everything that an amendment does.
    function testFuzz_theDigestNamesEverything(uint256 seed, bytes32 to, address[] calldata tokens, uint256 deadline) external {
        Agreement memory a = Chance.agreement(seed, address(0), 3, 2);
        IAmendableSplit split = IAmendableSplit(_factory.createAmendable(a.pack(), _NOTICE, uint64(seed)));
        bytes memory words;
        for (uint256 i = 0; i < tokens.length; ++i) {
            words = bytes.concat(words, bytes32(uint256(uint160(tokens[i]))));
        }
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("revshare"),
                keccak256("1"),
                block.chainid,
                split
            )
        );
        bytes32 amendment = keccak256(
            abi.encode(
                keccak256("Amendment(bytes32 from,bytes32 to,uint256 epoch,address[] tokens,uint256 deadline)"),
                a.commitment(),
                to,
                uint256(0),
                keccak256(words),
                deadline
            )
        );
        bytes32 digest = keccak256(bytes.concat(hex"1901", domain, amendment));
        require(split.amendmentDigest(to, tokens, deadline) == digest, "another digest");
    }

    /// @notice New terms can do whatever they say but pay the split itself.
    function testFuzz_noSplitPaysItself(uint256 seed) external {
        Agreement memory a = Chance.agreement(seed, address(0), 3, 2);
        IAmendableSplit split = IAmendableSplit(_factory.createAmendable(a.pack(), _NOTICE, uint64(seed)));
        address[] memory who = Chance.people(~seed, 4);
        who[seed % who.length] = address(split);
        Agreement memory to = Agreements.random(~seed, address(0), who, 2, 1_000);
        vm.prank(_CONTROLLER);
        (bool done, bytes memory why) =
            address(split).call(abi.encodeCall(split.proposeAmendment, (a.pack(), to.pack(), new address[](0))));
        require(!done && bytes4(why) == IAmendments.PaysItself.selector, "a split is its own payee");
    }

    /// @notice A payee that is paid during an amendment cannot put the next one in force from within.
    function test_amendmentsDoNotNest() external {
        Payee payee = new Payee();
        address[] memory who = new address[](1);
        who[0] = address(payee);
        Agreement memory a = Agreements.blank(address(0), who, 1);
        a.weights[0][0] = 1;
        IAmendableSplit split = IAmendableSplit(_factory.createAmendable(a.pack(), _NOTICE, 0));
        vm.deal(address(split), 10);
        bytes memory data = abi.encodeCall(
            split.amend, (a.pack(), a.pack(), new address[](0), new IAmendments.Consent[](0), 0)
        );
        payee.plan(Payee.Mood.Acts, address(split), false, data);
        address[] memory none = new address[](0);
        vm.prank(_CONTROLLER);
        split.proposeAmendment(a.pack(), a.pack(), none);
        vm.warp(1_700_000_001);
        split.amend(a.pack(), a.pack(), none, new IAmendments.Consent[](0), 0);
        require(payee.outcome() == uint256(uint32(Lock.Reentered.selector)) << 16 | 2, "an amendment within an amendment");
        require(split.epoch() == 1 && address(payee).balance == 10, "the amendment itself");
    }

    function _give(address asset, address to, uint256 amount) private {
        if (asset == address(0)) vm.deal(to, to.balance + amount);
        else _token.mint(to, amount);
    }

    function _balance(address asset, address who) private view returns (uint256) {
        return asset == address(0) ? who.balance : _token.held(who);
    }
}
