// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Agreement, Agreements} from "../Agreement.sol";
import {Chance} from "../Chance.sol";
import {CoinAlias, Face, Sheet} from "../SharedBalance.sol";
import {IFactory} from "../IFactory.sol";
import {IRevenueSplit, IRevenueSplitEvents, IRevenueSplitOffice} from "revshare/split/IRevenueSplit.sol";
import {Payee} from "mocks/Payee.sol";
import {Shipped} from "../Shipped.sol";
import {Token} from "mocks/Token.sol";
import {vm} from "../Vm.sol";

/// @title Two addresses for one balance: the coin that is a token as well, and a token behind two proxies.
contract SharedBalanceFuzz {
    using Agreements for Agreement;

    uint256 private constant _PAYEES = 4;

    IFactory private _factory;
    CoinAlias private _alias;
    Sheet private _sheet;
    Token private _other;
    address[_PAYEES] private _payees;

    // One run: the split, by which of the two it may pay and by which not, and all that came in.
    IRevenueSplit private _split;
    address private _paying;
    address private _refusing;
    uint256 private _revenue;

    function setUp() external {
        _factory = IFactory(Shipped.deploy("RevenueSplitFactory"));
        (_alias, _sheet, _other) = (new CoinAlias(), new Sheet(), new Token(6));
        for (uint256 i = 0; i < _PAYEES; ++i) {
            _payees[i] = i % 2 == 0 ? address(uint160(0x9A10 + i)) : address(new Payee());
        }
    }

    /// @notice Whatever is claimed, distributed, set aside and withdrawn by the one address or the other: nobody receives more
    ///         than it has earned of the one balance, tiers and all, and in the end everybody has that.
    function testFuzz_twoAddressesOfOneBalancePayOnce(uint256 seed) external {
        Agreement memory a = _begin(seed);
        for (uint256 n = 0; n < 14; ++n) {
            _step(uint256(keccak256(abi.encode(seed, n))), a);
            for (uint256 i = 0; i < a.payees.length; ++i) {
                require(_has(a.payees[i]) <= a.entitlement(i, _paying, _revenue), "somebody was paid twice");
            }
        }
        // Once all is calm the address that may pay pays everything.
        for (uint256 i = 1; i < _PAYEES; i += 2) {
            Payee(payable(_payees[i])).become(Payee.Mood.Honest, 0);
        }
        if (_paying != address(0) && _paying != address(_alias)) Face(_paying).refuse(address(0));
        _split.distribute(a.pack(), _paying);
        _split.withdrawCredits(a.payees, _paying);
        require(_split.received(_paying) == _revenue, "revenue");
        for (uint256 i = 0; i < a.payees.length; ++i) {
            require(_has(a.payees[i]) == a.entitlement(i, _paying, _revenue), "somebody was left out");
        }
    }

    /// @dev 0: settled in coin, which has an alias; 1: settled in the alias; 2: settled in one face of a token;
    ///      3: settled in a token that has nothing to do with it, and the coin has an alias.
    function _begin(uint256 seed) private returns (Agreement memory a) {
        uint256 kind = seed % 4;
        address settlement = kind == 1 ? address(_alias) : kind == 2 ? _sheet.one() : kind == 3 ? address(_other) : address(0);
        _paying = kind == 3 ? address(0) : settlement;
        _refusing = kind == 1 ? address(0) : kind == 2 ? _sheet.two() : address(_alias);
        address[] memory who = new address[](_PAYEES);
        for (uint256 i = 0; i < _PAYEES; ++i) {
            who[i] = _payees[i];
        }
        a = Agreements.random(seed, settlement, who, 3, 10 ** 9);
        _split = IRevenueSplit(_factory.create(a.pack(), uint64(seed)));
        _other.mint(address(_split), 10 ** 6);
    }

    function _step(uint256 chance, Agreement memory a) private {
        uint256 what = chance % 9;
        uint256 i = (chance >> 8) % a.payees.length;
        address asset = (chance >> 16) % 2 == 0 ? _paying : _refusing;
        if (what == 0) return _receive(1 + (chance >> 32) % 2 ** ((chance >> 24) % 60));
        if (what == 1) return _change(chance >> 24);
        bytes memory data;
        if (what < 4) data = abi.encodeCall(_split.distribute, (a.pack(), asset));
        else if (what == 4) data = abi.encodeCall(_split.claim, (a.payees[i], a.proof(i), asset));
        else if (what == 5) data = abi.encodeCall(_split.claimMany, (_claims(a)));
        else if (what == 6) data = abi.encodeCall(_split.withdrawCredit, (a.payees[i], asset));
        else if (what == 7) data = abi.encodeCall(_split.withdrawCredits, (a.payees, asset));
        else data = abi.encodeCall(_split.redirectCredit, (a.payees[i], asset, 1 + (chance >> 32) % 10 ** 6));
        if (what == 8) vm.prank(a.payees[i]);
        uint256 held = _held(address(_split));
        (bool done,) = address(_split).call(data);
        // By the one address nothing ever leaves; the other never fails for the sake of the one.
        if (asset == _refusing && what != 5) require(_held(address(_split)) == held, "paid by the other address");
        if (asset == _paying && what < 4) require(done, "a distribution was blocked");
    }

    function _claims(Agreement memory a) private view returns (IRevenueSplitOffice.Claim[] memory claims) {
        claims = new IRevenueSplitOffice.Claim[](2 * a.payees.length);
        for (uint256 i = 0; i < a.payees.length; ++i) {
            claims[2 * i] = IRevenueSplitOffice.Claim(a.payees[i], a.proof(i), _refusing);
            claims[2 * i + 1] = IRevenueSplitOffice.Claim(a.payees[i], a.proof(i), _paying);
        }
    }

    function _receive(uint256 amount) private {
        _revenue += amount;
        if (_paying == _sheet.one()) _sheet.mint(address(_split), amount);
        else vm.deal(address(_split), address(_split).balance + amount);
    }

    /// @dev Somebody cannot be paid for a while, so that something is set aside.
    function _change(uint256 chance) private {
        address who = _payees[chance % _PAYEES];
        if (_paying == _sheet.one()) {
            Face(chance & 64 == 0 ? _paying : _refusing).refuse(chance & 128 == 0 ? who : address(0));
        } else if (who.code.length != 0) {
            Payee(payable(who)).become(chance & 64 == 0 ? Payee.Mood.Reverts : Payee.Mood.Honest, 0);
        }
    }

    function _held(address who) private view returns (uint256) {
        return _paying == _sheet.one() ? _sheet.held(who) : who.balance;
    }

    function _has(address who) private view returns (uint256) {
        return _held(who);
    }

    /// @notice By the wrong address a claim is refused with the reason; a distribution goes through, and sets everything aside.
    function testFuzz_theOtherAddressPaysNothing(uint256 seed) external {
        Agreement memory a = _begin(seed);
        _receive(10 ** 12);
        uint256 i = (seed >> 8) % a.payees.length;
        uint256 due = _split.due(a.payees[i], a.pack(), _refusing);
        (bool done, bytes memory why) =
            address(_split).call(abi.encodeCall(_split.claim, (a.payees[i], a.proof(i), _refusing)));
        bytes4 reason = due == 0 ? IRevenueSplitEvents.NothingDue.selector : IRevenueSplitEvents.BalanceShared.selector;
        require(!done && bytes4(why) == reason, "a claim was not refused, or for another reason");
        (uint256 sent, uint256 credited) = _split.distribute(a.pack(), _refusing);
        require(sent == 0 && credited != 0 && _held(address(_split)) == 10 ** 12, "something was paid");
        (done, why) = address(_split).call(abi.encodeCall(_split.withdrawCredit, (a.payees[i], _refusing)));
        require(!done && bytes4(why) == reason, "a withdrawal was not refused, or for another reason");
        // What was set aside by the one address takes nothing from the other.
        _split.distribute(a.pack(), _paying);
        require(_has(a.payees[i]) == a.entitlement(i, _paying, 10 ** 12), "what arrived");
    }
}
