// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Agreement, Agreements} from "../Agreement.sol";
import {CoinAlias} from "../SharedBalance.sol";
import {IFactory} from "../IFactory.sol";
import {IPayoutBook, ISaleEscrow} from "../ITrust.sol";
import {Payee} from "mocks/Payee.sol";
import {Shipped} from "../Shipped.sol";
import {vm} from "../Vm.sol";

/// @title A coin that is a token as well: what books promise in coin, and what an escrow holds by either address.
contract TrustSharedBalanceFuzz {
    using Agreements for Agreement;

    uint256 private constant _PAYEES = 3;

    CoinAlias private _alias;
    IPayoutBook private _book;
    ISaleEscrow private _escrow;
    address private _split;
    Payee private _buyer;
    address[_PAYEES] private _payees;
    address private constant _SELLER = address(0x5E11E2);

    uint256[_PAYEES][2] private _given;
    uint256 private _now = 1_700_000_000;

    function setUp() external {
        (_alias, _buyer) = (new CoinAlias(), new Payee());
        _book = IPayoutBook(Shipped.deploy("PayoutBook", abi.encode(address(this), 0)));
        _escrow = ISaleEscrow(Shipped.deploy("SaleEscrow"));
        _payees = [address(0x9A1), address(new Payee()), address(0x9A2)];
        address[] memory who = new address[](1);
        who[0] = address(0x9A1);
        Agreement memory a = Agreements.blank(address(0), who, 1);
        a.weights[0][0] = 1;
        _split = IFactory(Shipped.deploy("RevenueSplitFactory")).create(a.pack(), 0);
        vm.deal(address(_buyer), 2 ** 100);
        vm.prank(address(_buyer));
        _alias.approve(address(_escrow), type(uint256).max);
        vm.warp(_now);
    }

    // ------------------------------------------------------------------ the book

    /// @notice Whatever the owner publishes and takes out, and whoever claims, by the alias: what is promised in coin is here.
    function testFuzz_promisedCoinIsNotPaidByTheAlias(uint256 seed) external {
        for (uint256 n = 0; n < 14; ++n) {
            uint256 chance = uint256(keccak256(abi.encode(seed, n)));
            uint256 k = (chance >> 8) % 2;
            uint256 what = chance % 6;
            if (what == 0) vm.deal(address(_book), address(_book).balance + (chance >> 32) % 10 ** 9);
            else if (what == 1) _publish(k, chance >> 32);
            else if (what == 2) _takeOut(k, chance >> 32);
            else if (what == 3) _claimMany(k);
            else _claim(k, chance >> 32);
            (, uint256 total, uint256 claimed) = _book.promised(address(0));
            require(address(_book).balance + claimed >= total, "more coin is promised than is held");
        }
        // And everybody can have it.
        _claimMany(0);
        for (uint256 i = 0; i < _PAYEES; ++i) {
            require(_book.paid(_payees[i], address(0)) == _inForce[0][i], "a promise was not kept");
        }
    }

    uint256[_PAYEES][2] private _inForce;

    function _asset(uint256 k) private view returns (address) {
        return k == 0 ? address(0) : address(_alias);
    }

    function _publish(uint256 k, uint256 chance) private {
        uint256 total = 0;
        for (uint256 i = 0; i < _PAYEES; ++i) {
            _given[k][i] = _inForce[k][i] + (chance >> 32 * i) % 10 ** 8;
            total += _given[k][i];
        }
        (bool done,) = address(_book).call(abi.encodeCall(_book.publish, (total, _root(k, _given[k]), _asset(k))));
        if (done) _inForce[k] = _given[k];
    }

    function _takeOut(uint256 k, uint256 chance) private {
        uint256 surplus = _book.surplus(_asset(k));
        uint256 amount = chance % 2 == 0 ? surplus : (chance >> 1) % (surplus + 1);
        (bool done,) =
            address(_book).call(abi.encodeCall(_book.withdrawSurplus, (_asset(k), address(0x5E17E2), amount)));
        done;
    }

    function _claim(uint256 k, uint256 chance) private {
        uint256 i = chance % _PAYEES;
        bytes memory data = abi.encodeCall(_book.claim, (_payees[i], _inForce[k][i], _proof(k, i), _asset(k)));
        if (chance & 64 == 0) {
            data = abi.encodeCall(_book.claimTo, (address(0x5E17E2), _inForce[k][i], _proof(k, i), _asset(k)));
            vm.prank(_payees[i]);
        }
        (bool done,) = address(_book).call(data);
        done;
    }

    function _claimMany(uint256 k) private {
        IPayoutBook.Claim[] memory all = new IPayoutBook.Claim[](_PAYEES);
        for (uint256 i = 0; i < _PAYEES; ++i) {
            all[i] = IPayoutBook.Claim(_payees[i], _inForce[k][i], _proof(k, i));
        }
        (bool done,) = address(_book).call(abi.encodeCall(_book.claimMany, (_asset(k), all)));
        require(done || k == 1, "a claim of many was blocked");
    }

    // A tree of three leaves: two are a pair, and the third is beside it.

    function _leaf(uint256 k, uint256[_PAYEES] storage given, uint256 i) private view returns (bytes32) {
        bytes memory leaf = abi.encode(block.chainid, _book, _asset(k), _payees[i], given[i]);
        return keccak256(bytes.concat(keccak256(leaf)));
    }

    function _pair(bytes32 x, bytes32 y) private pure returns (bytes32) {
        return keccak256(x < y ? bytes.concat(x, y) : bytes.concat(y, x));
    }

    function _root(uint256 k, uint256[_PAYEES] storage given) private view returns (bytes32) {
        return _pair(_pair(_leaf(k, given, 0), _leaf(k, given, 1)), _leaf(k, given, 2));
    }

    function _proof(uint256 k, uint256 i) private view returns (bytes32[] memory proof) {
        uint256[_PAYEES] storage given = _inForce[k];
        proof = new bytes32[](i == 2 ? 1 : 2);
        if (i == 2) proof[0] = _pair(_leaf(k, given, 0), _leaf(k, given, 1));
        else (proof[0], proof[1]) = (_leaf(k, given, 1 - i), _leaf(k, given, 2));
    }

    // ------------------------------------------------------------------ the escrow

    /// @notice Sales by either address, however they end: what the escrow holds is what is held, owed and set aside by both.
    function testFuzz_anEscrowHoldsWhatItOwesByBothAddresses(uint256 seed) external {
        uint256 opened = 0;
        for (uint256 n = 0; n < 14; ++n) {
            uint256 chance = uint256(keccak256(abi.encode(seed, n)));
            uint256 what = chance % 6;
            if (opened == 0 || what < 2) _open(opened++, chance >> 8);
            else if (what == 5) _withdrawOrChange(chance >> 8);
            else _end((chance >> 16) % opened, what, chance >> 32);
            uint256 due = _escrow.credit(address(_buyer), address(0)) + _escrow.credit(address(_buyer), address(_alias));
            for (uint256 id = 0; id < opened; ++id) {
                ISaleEscrow.Sale memory sale = _escrow.sale(_split, address(_buyer), bytes32(id));
                due += sale.state == ISaleEscrow.State.Held ? sale.amount : sale.owed;
            }
            require(address(_escrow).balance == due, "the balance is another");
        }
    }

    function _open(uint256 id, uint256 chance) private {
        address asset = _asset(chance % 2);
        uint256 amount = 1 + (chance >> 8) % 10 ** 12;
        ISaleEscrow.Terms memory terms = ISaleEscrow.Terms(
            _split, bytes32(id), asset, amount, _SELLER, address(0), uint64(_now + 1 + chance % 100), 0, false
        );
        vm.prank(address(_buyer));
        _escrow.open{value: asset == address(0) ? amount : 0}(terms);
    }

    function _end(uint256 id, uint256 what, uint256 chance) private {
        bytes memory data = abi.encodeCall(_escrow.release, (_split, address(_buyer), bytes32(id)));
        if (what == 2) data = abi.encodeCall(_escrow.refund, (_split, address(_buyer), bytes32(id)));
        if (what == 3) data = abi.encodeCall(_escrow.confirm, (_split, bytes32(id)));
        if (what == 4) vm.warp(_now += chance % 100);
        else vm.prank(what == 2 ? _SELLER : address(_buyer));
        (bool done,) = address(_escrow).call(data);
        done;
    }

    function _withdrawOrChange(uint256 chance) private {
        if (chance % 2 == 0) return _buyer.become(chance & 2 == 0 ? Payee.Mood.Reverts : Payee.Mood.Honest, 0);
        (bool done,) = address(_escrow).call(
            abi.encodeCall(_escrow.withdrawCredit, (address(_buyer), _asset((chance >> 1) % 2)))
        );
        done;
    }
}
