// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Agreement, Agreements} from "./Agreement.sol";
import {IFactory} from "./IFactory.sol";
import {ISaleEscrow} from "./ITrust.sol";
import {Payee} from "mocks/Payee.sol";
import {Shipped} from "./Shipped.sol";
import {Token} from "mocks/Token.sol";
import {vm} from "./Vm.sol";

/// @title Everything that may happen to sales held in trust.
/// @notice Buyers: one without code, and a contract of changing mood. Splits: a real one; a contract that is none and of
///         changing mood; and an address where nothing is yet. Assets: the coin and two tokens of changing ways.
/// @dev It reckons by itself who may do what and when, and notes a step that went through though it should not have, or
///      was refused though it should not have been.
contract EscrowHandler {
    using Agreements for Agreement;

    uint256 public constant ASSETS = 3;
    uint256 public constant SPLITS = 3;
    uint256 public constant IDS = 4;
    uint256 private constant _PLENTY = 20_000_000;

    ISaleEscrow public escrow;
    address[ASSETS] public assets;
    address[SPLITS] public splits;
    address[2] public buyers;
    address public constant SELLER = address(0x5E11E2);
    address public constant ARBITER = address(0xA2B172);
    address public constant STRANGER = address(0x57A);
    address public constant SHELTER = address(0x5E17E2);
    uint256 public coinSupply;
    string public broken;
    uint256 public settled;
    uint256 private _now = 1_700_000_000;

    constructor() {
        escrow = ISaleEscrow(Shipped.deploy("SaleEscrow"));
        assets = [address(0), address(new Token(6)), address(new Token(18))];
        buyers = [address(0xB0B), address(new Payee())];
        address[] memory who = new address[](1);
        who[0] = address(0x9A1);
        Agreement memory a = Agreements.blank(address(0), who, 1);
        a.weights[0][0] = 1;
        address factory = Shipped.deploy("RevenueSplitFactory");
        splits = [IFactory(factory).create(a.pack(), 0), address(new Payee()), address(0xF0702E)];
        for (uint256 b = 0; b < 2; ++b) {
            vm.deal(buyers[b], 2 ** 120);
            coinSupply += 2 ** 120;
            for (uint256 k = 1; k < ASSETS; ++k) {
                Token(assets[k]).mint(buyers[b], 2 ** 120);
                vm.prank(buyers[b]);
                Token(assets[k]).approve(address(escrow), type(uint256).max);
            }
        }
        vm.warp(_now);
    }

    function balance(uint256 k, address who) public view returns (uint256) {
        return k == 0 ? who.balance : Token(assets[k]).held(who);
    }

    /// @notice All that the escrow should have, by asset: what is held and what is set aside.
    function owed() public view returns (uint256[ASSETS] memory sums) {
        for (uint256 s = 0; s < SPLITS; ++s) {
            for (uint256 id = 0; id < IDS; ++id) {
                ISaleEscrow.Sale memory sale = escrow.sale(splits[s], bytes32(id));
                if (sale.state != ISaleEscrow.State.Held && sale.state != ISaleEscrow.State.Disputed) continue;
                for (uint256 k = 0; k < ASSETS; ++k) {
                    if (sale.token == assets[k]) sums[k] += sale.amount;
                }
            }
        }
        for (uint256 k = 0; k < ASSETS; ++k) {
            for (uint256 s = 0; s < SPLITS; ++s) {
                sums[k] += escrow.credit(splits[s], assets[k]);
            }
            sums[k] += escrow.credit(buyers[0], assets[k]) + escrow.credit(buyers[1], assets[k]);
        }
    }

    /// @notice All money, wherever it is.
    function everywhere(uint256 k) external view returns (uint256 sum) {
        sum = balance(k, address(escrow)) + balance(k, SHELTER);
        for (uint256 n = 0; n < SPLITS; ++n) {
            sum += balance(k, splits[n]);
        }
        return sum + balance(k, buyers[0]) + balance(k, buyers[1]);
    }

    // ------------------------------------------------------------------ steps

    function open(uint256 s, uint256 id, uint256 k, uint256 amount, uint256 how) external {
        vm.warp(_now);
        ISaleEscrow.Terms memory terms;
        (terms.split, terms.saleId, terms.token) = (splits[s % SPLITS], bytes32(id % IDS), assets[k % ASSETS]);
        terms.amount = 1 + (amount >> 8) % 2 ** (amount % 256 % 100);
        (terms.seller, terms.deadline) = (SELLER, uint64(_now + 1 + how % 3 days));
        if (how & 1 == 1) (terms.arbiter, terms.decisionDeadline) = (ARBITER, terms.deadline + uint64(1 + how % 2 days));
        terms.refundByDefault = how & 2 == 2;
        bool known = escrow.sale(terms.split, terms.saleId).state != ISaleEscrow.State.None;
        address buyer = buyers[(how >> 2) % 2];
        vm.prank(buyer);
        try escrow.open{value: terms.token == address(0) ? terms.amount : 0, gas: _PLENTY}(terms) {
            if (known) _note("a sale was opened twice");
            if (escrow.sale(terms.split, terms.saleId).buyer != buyer) _note("a sale has another buyer");
        } catch {
            if (!known && terms.token == address(0)) _note("a sale could not be opened");
        }
    }

    function act(uint256 s, uint256 id, uint256 what, uint256 who, uint256 part) external {
        vm.warp(_now);
        address split = splits[s % SPLITS];
        id %= IDS;
        ISaleEscrow.Sale memory sale = escrow.sale(split, bytes32(id));
        // Mostly whose turn it is, sometimes somebody else.
        address[4] memory anybody = [sale.buyer, SELLER, ARBITER, STRANGER];
        what %= 6;
        address caller = who % 4 == 0 ? anybody[(who >> 2) % 4] : what < 2 ? sale.buyer : what == 2 ? SELLER : ARBITER;
        part = part % 8 == 0 ? sale.amount + part : part % (sale.amount + 1);
        bool may = _may(sale, what, caller, part);
        vm.prank(caller);
        (bool done,) = address(escrow).call{gas: _PLENTY}(_calldata(split, id, what, part));
        if (done != may) _note(done ? "a step went through that should not have" : "a sale is stuck");
        if (!done) return;
        ISaleEscrow.State then = escrow.sale(split, bytes32(id)).state;
        if (then != (what == 1 ? ISaleEscrow.State.Disputed : ISaleEscrow.State.Done)) _note("a sale is in another state");
        if (what != 1) ++settled;
    }

    /// @dev 0 confirm, 1 dispute, 2 refund, 3 decide, 4 release, 5 settle by default
    function _may(ISaleEscrow.Sale memory sale, uint256 what, address caller, uint256 part) private view returns (bool) {
        bool held = sale.state == ISaleEscrow.State.Held;
        bool disputed = sale.state == ISaleEscrow.State.Disputed;
        if (what == 0) return (held || disputed) && caller == sale.buyer;
        if (what == 1) return held && caller == sale.buyer && _now < sale.deadline && sale.arbiter != address(0);
        if (what == 2) return (held || disputed) && caller == SELLER;
        if (what == 3) return disputed && caller == ARBITER && _now < sale.decisionDeadline && part <= sale.amount;
        if (what == 4) return held && _now >= sale.deadline;
        return disputed && _now >= sale.decisionDeadline;
    }

    function _calldata(address split, uint256 id, uint256 what, uint256 part) private pure returns (bytes memory) {
        if (what == 0) return abi.encodeCall(ISaleEscrow.confirm, (split, bytes32(id)));
        if (what == 1) return abi.encodeCall(ISaleEscrow.dispute, (split, bytes32(id)));
        if (what == 2) return abi.encodeCall(ISaleEscrow.refund, (split, bytes32(id)));
        if (what == 3) return abi.encodeCall(ISaleEscrow.decide, (split, bytes32(id), part));
        if (what == 4) return abi.encodeCall(ISaleEscrow.release, (split, bytes32(id)));
        return abi.encodeCall(ISaleEscrow.settleByDefault, (split, bytes32(id)));
    }

    /// @notice Whatever the parties do, this is possible once all times are over.
    function endAll() external {
        vm.warp(_now + 10 days);
        for (uint256 s = 0; s < SPLITS; ++s) {
            for (uint256 id = 0; id < IDS; ++id) {
                ISaleEscrow.State state = escrow.sale(splits[s], bytes32(id)).state;
                if (state == ISaleEscrow.State.Held) escrow.release{gas: _PLENTY}(splits[s], bytes32(id));
                if (state == ISaleEscrow.State.Disputed) escrow.settleByDefault{gas: _PLENTY}(splits[s], bytes32(id));
            }
        }
    }

    /// @notice Somebody ends a sale with hardly any gas, so that a delivery fails that should not.
    function starve(uint256 s, uint256 id, uint256 gas_) external {
        vm.warp(_now);
        address split = splits[s % SPLITS];
        ISaleEscrow.Sale memory sale = escrow.sale(split, bytes32(id % IDS));
        uint256 before = escrow.credit(split, sale.token);
        try escrow.release{gas: 30_000 + gas_ % 900_000}(split, bytes32(id % IDS)) {
            ++settled;
            // The real split takes coin, whatever happens.
            if (split == splits[0] && sale.token == address(0) && escrow.credit(split, sale.token) > before) {
                _note("a delivery was made to fail");
            }
        } catch {}
    }

    function withdraw(uint256 whose, uint256 k, bool elsewhere) external {
        vm.warp(_now);
        address[5] memory all = [buyers[0], buyers[1], splits[0], splits[1], splits[2]];
        address payee = all[whose % 5];
        k %= ASSETS;
        uint256 credit = escrow.credit(payee, assets[k]);
        bytes memory data = abi.encodeCall(escrow.withdrawCredit, (payee, assets[k]));
        if (elsewhere) {
            data = abi.encodeCall(escrow.redirectCredit, (SHELTER, assets[k]));
            vm.prank(payee);
        }
        (bool done,) = address(escrow).call{gas: _PLENTY}(data);
        if (done && (credit == 0 || escrow.credit(payee, assets[k]) != 0)) _note("a credit was paid that was none, or in part");
        if (!done && escrow.credit(payee, assets[k]) != credit) _note("a credit fell without a withdrawal");
    }

    function wait_(uint256 seconds_) external {
        _now += seconds_ % 1 days;
        vm.warp(_now);
    }

    function turn(uint256 which, uint256 mood) external {
        Payee.Mood[6] memory moods = [
            Payee.Mood.Honest,
            Payee.Mood.Reverts,
            Payee.Mood.BurnsGas,
            Payee.Mood.BombOnRevert,
            Payee.Mood.BombOnSuccess,
            Payee.Mood.Honest
        ];
        Payee(payable(which % 2 == 0 ? buyers[1] : splits[1])).become(moods[mood % 6], 0);
    }

    /// @notice The hostile ones, when they are paid, try to have the same sale end once more.
    function plan(uint256 which, uint256 s, uint256 id, uint256 what, uint256 part) external {
        Payee(payable(which % 2 == 0 ? buyers[1] : splits[1])).plan(
            Payee.Mood.Acts, address(escrow), false, _calldata(splits[s % SPLITS], id % IDS, what % 6, part)
        );
    }

    /// @notice Tokens change their ways, but never lower a balance that they have reported.
    function behave(uint256 k, uint256 quirk, uint256 victim, uint256 number) external {
        Token.Quirk[12] memory ways = [
            Token.Quirk.None,
            Token.Quirk.NoReturn,
            Token.Quirk.ReturnsFalse,
            Token.Quirk.ReturnsTwo,
            Token.Quirk.ReturnsHugeTrue,
            Token.Quirk.ReturnsHugeFalse,
            Token.Quirk.Blacklist,
            Token.Quirk.BurnsGas,
            Token.Quirk.Fee,
            Token.Quirk.RevertsOnLarge,
            Token.Quirk.Keeps,
            Token.Quirk.Hooks
        ];
        Token token = Token(assets[1 + k % 2]);
        address[4] memory whom = [address(0), buyers[1], splits[1], splits[0]];
        Token.Quirk q = ways[quirk % 12];
        if (q == Token.Quirk.Hooks) {
            if (!token.hooked(buyers[1])) token.hook(buyers[1]);
            if (!token.hooked(splits[1])) token.hook(splits[1]);
        }
        token.behave(q, whom[victim % 4], q == Token.Quirk.Fee ? number % 10_000 : 1 + number % 2 ** 90);
    }

    function _note(string memory how) private {
        if (bytes(broken).length == 0) broken = how;
    }
}
