// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AnsweringToken} from "../AnsweringToken.sol";
import {Chance} from "../Chance.sol";
import {IMoneyHarness} from "./IHarness.sol";
import {Payee} from "mocks/Payee.sol";
import {PlainPayout} from "../reference/PlainPayout.sol";
import {vm} from "../Vm.sol";

/// @title What counts as paid is what the table in lib/Delivery.sol says (reference/PlainPayout.sol).
contract DeliveryFuzz {
    IMoneyHarness private _library;
    PlainPayout private _plain;
    AnsweringToken private _token;
    Payee private _payee;

    uint256 private constant _HELD = 1_000_000;

    function setUp() external {
        (_library, _plain, _token, _payee) =
            (IMoneyHarness(vm.deployCode("Harness.sol:MoneyHarness")), new PlainPayout(), new AnsweringToken(), new Payee());
        _token.mint(address(_library), _HELD);
        _token.mint(address(_plain), _HELD);
        vm.deal(address(_library), _HELD);
        vm.deal(address(_plain), _HELD);
    }

    /// @notice Every answer with every movement.
    function testFuzz_aTokensPaymentIsJudgedByTheTable(uint256 seed, uint256 word, uint256 length, address to) external {
        if (to == address(_library) || to == address(_plain)) return;
        uint256 amount = 1 + Chance.draw(seed, "amount") % _HELD;
        _token.behave(
            AnsweringToken.Moves(Chance.draw(seed, "moves") % 5), Chance.draw(seed, "number") % (2 * _HELD), address(0)
        );
        if (seed % 2 == 0) word = [uint256(0), 1, 2, 1 << 255, 1 << 248][(seed >> 8) % 5];
        length = [uint256(0), 1, 31, 32, 33, 64, length % 1_000, 100_000][length % 8];
        _token.answer(Chance.draw(seed, "reverts") % 4 == 0, word, length);
        if (Chance.draw(seed, "all or nothing") % 2 == 0) _isTried(address(_token), to, amount);
        else _isSentWhole(address(_token), to, amount, seed);
    }

    function testFuzz_coinIsJudgedByTheTable(uint256 seed) external {
        uint256 amount = 1 + Chance.draw(seed, "amount") % (2 * _HELD);
        _payee.become(Payee.Mood(seed % 5), 0);
        if (seed % 5 == 4) _payee.become(Payee.Mood.Hungry, uint64((seed >> 8) % 60_000));
        if (seed % 2 == 0) _isTried(address(0), address(_payee), amount);
        else _isSentWhole(address(0), address(_payee), amount, seed);
    }

    /// @notice Where there is no code, or it is gone, silence is no payment.
    function testFuzz_nobodysSilenceIsNoPayment(address nobody, uint256 amount, uint256 held) external {
        if (nobody.code.length != 0 || uint160(nobody) < 0x100 || nobody == address(vm)) return;
        require(!_library.attempt(nobody, address(0x9A1), amount, held), "paid by nobody");
        (bool done,) = address(_library).call(abi.encodeCall(_library.sendAll, (nobody, address(0x9A1), amount, held)));
        require(!done, "paid by nobody");
    }

    function _isTried(address asset, address to, uint256 amount) private {
        uint256 had = _balance(asset, to);
        bool plain = _plain.pay(asset, to, amount);
        uint256 got = _balance(asset, to) - had;
        (bool done, bytes memory answer) =
            address(_library).call(abi.encodeCall(_library.attempt, (asset, to, amount, _HELD)));
        require((done && abi.decode(answer, (bool))) == plain, "whether it is paid");
        // Undone, or nothing was done: an answer that is clear undoes nobody else's payment.
        if (!done) require(!_token.reverts() && !_token.saysYes(), "undone for nothing");
        require(_balance(asset, to) == had + 2 * got, "what arrived");
        require(_balance(asset, address(_library)) == _balance(asset, address(_plain)), "what is held");
    }

    /// @dev The book does not look at what it holds: then only a clean success is one.
    function _isSentWhole(address asset, address to, uint256 amount, uint256 seed) private {
        uint256 had = _balance(asset, to);
        bool looked = seed >> 255 == 0;
        (bool done,) = address(_library).call(
            abi.encodeCall(_library.sendAll, (asset, to, amount, looked ? _HELD : 0))
        );
        uint256 got = _balance(asset, to) - had;
        if (!done) require(got == 0 && _balance(asset, address(_library)) == _HELD, "refused, and yet something moved");
        // Sent with all the gas there is, which a coin's recipient may need.
        if (asset == address(0) && done) return;
        bool plain = _plain.pay(asset, to, amount);
        bool clean = asset != address(0) && _token.saysYes();
        require(done == (looked ? plain : clean), "all or nothing");
        if (done) require(_balance(asset, to) == had + 2 * got, "what arrived");
    }

    function _balance(address asset, address who) private view returns (uint256) {
        return asset == address(0) ? who.balance : _token.held(who);
    }
}
