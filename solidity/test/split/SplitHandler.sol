// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Agreement, Agreements} from "../Agreement.sol";
import {AnsweringToken} from "../AnsweringToken.sol";
import {IRevenueSplit, IRevenueSplitOffice} from "revshare/split/IRevenueSplit.sol";
import {IFactory} from "../IFactory.sol";
import {Payee} from "mocks/Payee.sol";
import {Shipped} from "../Shipped.sol";
import {Statements} from "./Statements.sol";
import {Token} from "mocks/Token.sol";
import {Vm, vm} from "../Vm.sol";

/// @title Everything that anybody may do to two splits, and what is true of each single step.
/// @notice The actors: two payers; a payee without code; one that is a contract and means well; one that is hostile; two
///         that act on being paid (re-enter, pay back, redirect, destroy themselves); and the second split, which is a payee
///         of the first. The assets: the coin; two tokens that may misbehave in every way that never makes revenue fall; one
///         (ANSWERING) that moves all, part or nothing, and answers what it likes; and one (ODD) that does the rest too: it
///         rebases down, lies about balances, takes fees on top.
///
/// Forge records the logs of calls that were undone as well, and does not say which. So there are two ways to run this: where
/// acting payees call splits (`nested`), no log is read; where they do not, the logs of a step that went through are all true.
/// @dev A promise about a step is checked here and noted in `broken`; the suite turns the notes into invariants.
contract SplitHandler {
    using Agreements for Agreement;

    enum Promise {
        Monotone,
        Liveness,
        CreditsFallByWithdrawalOnly,
        IdsOnceOnly,
        ClaimsNeverExceed,
        FailuresAreNotForged,
        OnlyTheTermsMoveMoney
    }

    struct Moment {
        uint256 revenue;
        IRevenueSplitOffice.Line[] lines;
        uint256[] marks;
        uint256[] withdrawn;
    }

    uint256 public constant SPLITS = 2;
    uint256 public constant ASSETS = 5;
    uint256 public constant ANSWERING = 3;
    uint256 public constant ODD = 4;
    uint256 public constant SIMPLE_PAYEES = 3; // those that never give away what they get
    uint256 private constant _PLENTY = 10_000_000;
    uint256 private constant _MODEST = 40_000; // gas that a payee may need and must be given

    address public factory;
    IRevenueSplit[SPLITS] public splits;
    Statements[SPLITS] public statements;
    Agreement[SPLITS] private _agreements;
    bytes[SPLITS] public terms;
    bytes[][SPLITS] public proofs;
    address[ASSETS] public assets;
    address[] public people; // everybody who may hold money
    address[5] public payees;
    address[2] public payers = [address(0xA11CE), address(0xB0B)];
    address public shelter = address(0x5E17E2);
    uint256 public coinSupply;

    /// @notice What the last step was about.
    uint256 public atSplit;
    uint256 public atAsset;
    /// @notice Whether it could change anything at all but somebody's mood.
    bool public moved;
    /// @notice By which step a promise was broken, if it was.
    mapping(Promise => string) public broken;
    /// @notice Whether an asset has ever kept back part of what it said it moved.
    mapping(uint256 asset => bool) public skimmed;
    /// @notice The most revenue that a split ever had in the odd token.
    uint256[SPLITS] public highest;

    /// @notice What a payee sent elsewhere of what was set aside for it.
    mapping(uint256 asset => mapping(address payee => uint256)) public redirected;

    /// @notice How many payments were made as one of many, that could be.
    uint256 public paidOfMany;
    uint256 public withdrawnOfMany;

    mapping(uint256 split => mapping(address payer => mapping(uint256 id => uint256))) public salesPaid;
    mapping(uint256 split => mapping(address payer => mapping(uint256 id => uint256))) public batchesPaid;

    bool public immutable nested;

    constructor(bool nested_) {
        nested = nested_;
        factory = Shipped.deploy("RevenueSplitFactory");
        assets =
            [address(0), address(new Token(6)), address(new Token(24)), address(new AnsweringToken()), address(new Token(0))];
        payees[0] = address(0x9A1);
        for (uint256 i = 1; i < 5; ++i) {
            payees[i] = address(new Payee());
        }
        _create(1, _second());
        _create(0, _first());
        for (uint256 i = 0; i < 5; ++i) {
            people.push(payees[i]);
        }
        people.push(address(splits[0]));
        people.push(address(splits[1]));
        people.push(payers[0]);
        people.push(payers[1]);
        people.push(shelter);
        for (uint256 p = 0; p < 2; ++p) {
            vm.deal(payers[p], 2 ** 120);
            coinSupply += 2 ** 120;
            for (uint256 k = 1; k < ASSETS; ++k) {
                Token(assets[k]).mint(payers[p], 2 ** 120);
                for (uint256 s = 0; s < SPLITS; ++s) {
                    vm.prank(payers[p]);
                    Token(assets[k]).approve(address(splits[s]), type(uint256).max);
                }
            }
        }
    }

    /// @dev Settled in coin: three tiers, the first two of a size that runs do cross; six payees on two pages.
    function _first() private view returns (Agreement memory a) {
        address[] memory who = new address[](6);
        for (uint256 i = 0; i < 5; ++i) {
            who[i] = payees[i];
        }
        who[5] = address(splits[1]);
        a = Agreements.blank(address(0), who, 3);
        (a.untils[0], a.untils[1]) = (1_000, 10 ** 18 + 7);
        uint32[18] memory weights =
            [uint32(1), 2, 0, 4, 5, 3, 7, 1, 1, 0, 3, 11, 1, type(uint32).max, 3, 1_000_003, 3, 2];
        for (uint256 i = 0; i < 18; ++i) {
            a.weights[i / 6][i % 6] = weights[i];
        }
    }

    /// @dev Settled in the first token: two tiers, five payees.
    function _second() private view returns (Agreement memory a) {
        address[] memory who = new address[](5);
        for (uint256 i = 0; i < 5; ++i) {
            who[i] = payees[i];
        }
        a = Agreements.blank(assets[1], who, 2);
        a.untils[0] = 10 ** 9;
        for (uint256 i = 0; i < 5; ++i) {
            (a.weights[0][i], a.weights[1][i]) = (1 + i, i % 2 == 0 ? 10 ** 9 + i : 1);
        }
    }

    function _create(uint256 s, Agreement memory a) private {
        splits[s] = IRevenueSplit(IFactory(factory).create(a.pack(), uint64(s)));
        statements[s] = new Statements(address(splits[s]), a);
        Agreement storage kept = _agreements[s];
        (kept.token, kept.payees, kept.untils, kept.weights) = (a.token, a.payees, a.untils, a.weights);
        terms[s] = a.pack();
        for (uint256 i = 0; i < a.payees.length; ++i) {
            proofs[s].push(a.proof(i));
        }
    }

    function agreement(uint256 s) public view returns (Agreement memory) {
        return _agreements[s];
    }

    function balance(uint256 k, address who) public view returns (uint256) {
        return k == 0 ? who.balance : Token(assets[k]).held(who);
    }

    // ------------------------------------------------------------------ money in

    function send(uint256 s, uint256 k, uint256 amount) external {
        (s, k) = _about(s, k);
        Moment memory before = _moment(s, k);
        if (k == 0) {
            vm.prank(payers[0]);
            (bool done,) = address(splits[s]).call{value: _amount(amount), gas: 2_300}("");
            if (!done) _note(Promise.Liveness, "a bare transfer within a stipend was refused");
        } else {
            Token(assets[k]).mint(address(splits[s]), _amount(amount));
        }
        _end(s, k, before);
    }

    function pay(uint256 s, uint256 k, uint256 amount, uint256 payer, uint256 id) external {
        (s, k) = _about(s, k);
        Moment memory before = _moment(s, k);
        (amount, id) = (_amount(amount), id % 8);
        address from = payers[payer % 2];
        vm.prank(from);
        if (_do(s, k == 0 ? amount : 0, abi.encodeCall(splits[s].pay, (bytes32(id), assets[k], amount)))) {
            if (++salesPaid[s][from][id] > 1) _note(Promise.IdsOnceOnly, "a sale was paid twice");
            if (_moment(s, k).revenue <= before.revenue) _note(Promise.IdsOnceOnly, "a sale was recorded unpaid");
        }
        if (splits[s].isSalePaid(from, bytes32(id)) != (salesPaid[s][from][id] == 1)) {
            _note(Promise.IdsOnceOnly, "a sale's record is wrong");
        }
        _end(s, k, before);
    }

    function remit(uint256 s, uint256 k, uint256 amount, uint256 payer, uint256 id) external {
        (s, k) = _about(s, k);
        Moment memory before = _moment(s, k);
        (amount, id) = (_amount(amount), id % 8);
        address from = payers[payer % 2];
        bytes memory data = abi.encodeCall(splits[s].remit, (bytes32(id), assets[k], amount, bytes32(id), 3));
        vm.prank(from);
        if (_do(s, k == 0 ? amount : 0, data)) {
            if (++batchesPaid[s][from][id] > 1) _note(Promise.IdsOnceOnly, "a batch was paid twice");
            if (_moment(s, k).revenue <= before.revenue) _note(Promise.IdsOnceOnly, "a batch was recorded unpaid");
        }
        if (splits[s].isRemitted(from, bytes32(id)) != (batchesPaid[s][from][id] == 1)) {
            _note(Promise.IdsOnceOnly, "a batch's record is wrong");
        }
        _end(s, k, before);
    }

    // ------------------------------------------------------------------ money out

    function distribute(uint256 s, uint256 k) external {
        (s, k) = _about(s, k);
        Moment memory before = _moment(s, k);
        bool[] memory able = _able(s, k);
        if (_do(s, 0, abi.encodeCall(splits[s].distribute, (terms[s], assets[k])))) {
            Moment memory then = _moment(s, k);
            for (uint256 i = 0; i < able.length && k != ODD; ++i) {
                if (then.lines[i].paid + then.lines[i].credit < before.lines[i].entitlement) {
                    _note(Promise.Liveness, "a distribution left somebody out");
                }
            }
            _judgeCredits(s, k, before, able);
        } else {
            _note(Promise.Liveness, "a distribution was blocked");
        }
        _end(s, k, before);
    }

    /// @notice Somebody distributes with hardly any gas, so that calls fail that should not.
    function starve(uint256 s, uint256 k, uint256 gas_) external {
        (s, k) = _about(s, k);
        Moment memory before = _moment(s, k);
        bool[] memory able = _able(s, k);
        bytes memory data = abi.encodeCall(splits[s].distribute, (terms[s], assets[k]));
        if (_do(s, 0, data, 30_000 + gas_ % 1_600_000)) _judgeCredits(s, k, before, able);
        _end(s, k, before);
    }

    function claim(uint256 s, uint256 k, uint256 i) external {
        (s, k) = _about(s, k);
        address[] memory who = _agreements[s].payees;
        i %= who.length;
        Moment memory before = _moment(s, k);
        bool able = _able(s, k)[i];
        uint256 due = before.lines[i].due;
        bytes memory data = abi.encodeCall(splits[s].claim, (who[i], proofs[s][i], assets[k]));
        if (_do(s, 0, data)) {
            Moment memory then = _moment(s, k);
            // Whoever is paid in coin may have its credit paid as well, meanwhile.
            uint256 had = before.lines[i].paid + before.lines[i].credit;
            if (k != ODD && then.lines[i].paid + then.lines[i].credit != had + due) {
                _note(Promise.ClaimsNeverExceed, "a claim paid something else than what was due");
            }
            // Money that came back during the claim, or that the token kept, is revenue again.
            if (then.revenue == before.revenue && _do(s, 0, data)) {
                _note(Promise.ClaimsNeverExceed, "a claim was paid twice");
            }
        } else if (able && due != 0 && k != ODD) {
            _note(Promise.Liveness, "a claim was blocked");
        }
        _end(s, k, before);
    }

    /// @notice Somebody shows terms or a proof of his own making.
    function forge(uint256 s, uint256 k, uint256 i, uint256 place, uint256 bit) external {
        (s, k) = _about(s, k);
        address[] memory who = _agreements[s].payees;
        i %= who.length;
        Moment memory before = _moment(s, k);
        // The bits for siblings that are not there mean nothing: those of the two bytes behind place.
        uint256 sides = 4 + 22 * (1 + _agreements[s].untils.length) + 1;
        if (_do(s, 0, abi.encodeCall(splits[s].distribute, (_spoilt(terms[s], place, bit, 0), assets[k])))) {
            _note(Promise.OnlyTheTermsMoveMoney, "forged terms were taken");
        }
        if (_do(s, 0, abi.encodeCall(splits[s].claim, (who[(i + 1) % who.length], proofs[s][i], assets[k])))) {
            _note(Promise.OnlyTheTermsMoveMoney, "a proof served somebody else");
        }
        if (_do(s, 0, abi.encodeCall(splits[s].claim, (who[i], _spoilt(proofs[s][i], place, bit, sides), assets[k])))) {
            _note(Promise.OnlyTheTermsMoveMoney, "a forged proof was taken");
        }
        _end(s, k, before);
    }

    function _spoilt(bytes memory good, uint256 place, uint256 bit, uint256 sides) private pure returns (bytes memory) {
        if (place % 16 == 0) return bytes.concat(good, bytes32(bit));
        place %= good.length;
        if (sides != 0 && (place == sides || place == sides + 1)) place = sides - 1;
        good[place] = bytes1(uint8(good[place]) ^ uint8(1 << (bit % 8)));
        return good;
    }

    function withdraw(uint256 s, uint256 k, uint256 i) external {
        (s, k) = _about(s, k);
        address[] memory who = _agreements[s].payees;
        i %= who.length;
        Moment memory before = _moment(s, k);
        bool able = _able(s, k)[i];
        uint256 had = balance(k, who[i]);
        uint256 credit = before.lines[i].credit;
        if (_do(s, 0, abi.encodeCall(splits[s].withdrawCredit, (who[i], assets[k])))) {
            if (credit == 0) _note(Promise.CreditsFallByWithdrawalOnly, "a withdrawal of nothing");
            if (able && k != ODD && !skimmed[k] && balance(k, who[i]) != had + credit) {
                _note(Promise.CreditsFallByWithdrawalOnly, "a withdrawal did not arrive whole");
            }
        } else if (able && credit != 0 && k != ODD) {
            _note(Promise.Liveness, "a withdrawal was blocked");
        }
        _end(s, k, before);
    }

    /// @notice A payee that cannot receive sends its credit elsewhere, whole or in part, or tries to send more; and somebody
    ///         who is no payee tries to.
    function redirect(uint256 s, uint256 k, uint256 i, uint256 to, uint256 part) external {
        (s, k) = _about(s, k);
        Moment memory before = _moment(s, k);
        address who = payees[i % 5];
        address target = to % 3 == 0 ? payees[SIMPLE_PAYEES + to % 2] : shelter;
        uint256 credit = splits[s].credit(who, assets[k]);
        part = part % 3 == 0 ? credit : part % (credit + 3);
        vm.prank(who);
        if (_do(s, 0, abi.encodeCall(splits[s].redirectCredit, (target, assets[k], part)))) {
            if (part == 0 || part > credit) _note(Promise.CreditsFallByWithdrawalOnly, "more was redirected than there was");
            redirected[k][who] += part;
            if (!nested && splits[s].credit(who, assets[k]) + part != credit) {
                _note(Promise.CreditsFallByWithdrawalOnly, "something else was redirected than was asked");
            }
        }
        vm.prank(payers[0]);
        if (_do(s, 0, abi.encodeCall(splits[s].redirectCredit, (payers[0], assets[k], 1)))) {
            _note(Promise.OnlyTheTermsMoveMoney, "somebody who is no payee was paid");
        }
        _end(s, k, before);
    }

    // ------------------------------------------------------------------ many at once

    /// @notice Claims of many, in an asset and in coin: some twice, some by another's proof. Whoever can be paid is.
    function claimMany(uint256 s, uint256 k, uint256 seed) external {
        (s, k) = _about(s, k);
        Moment memory before = _moment(s, k);
        Moment memory coins = _moment(s, 0);
        bool[] memory able = _able(s, k);
        bool[] memory asked = new bool[](able.length);
        if (_do(s, 0, abi.encodeCall(IRevenueSplitOffice.claimMany, (_claims(s, k, seed, asked))))) {
            Moment memory then = _moment(s, k);
            for (uint256 i = 0; i < able.length && k != ODD && then.revenue == before.revenue; ++i) {
                if (!able[i] || !asked[i] || before.lines[i].due == 0) continue;
                ++paidOfMany;
                if (then.lines[i].due != 0) _note(Promise.Liveness, "one of many claims was not paid");
            }
        } else {
            _note(Promise.Liveness, "a claim of many was blocked");
        }
        _end(s, k, before);
        _end(s, 0, coins);
    }

    function _claims(uint256 s, uint256 k, uint256 seed, bool[] memory asked)
        private
        view
        returns (IRevenueSplitOffice.Claim[] memory claims)
    {
        claims = new IRevenueSplitOffice.Claim[](1 + seed % 5);
        for (uint256 n = 0; n < claims.length; ++n) {
            uint256 i = (seed >> 8 * n) % asked.length;
            uint256 proof = (seed >> 8 * n + 3) % 8 == 0 ? (i + 1) % asked.length : i;
            bool coin = (seed >> 8 * n + 6) % 4 == 0;
            if (proof == i && (!coin || k == 0)) asked[i] = true;
            claims[n] =
                IRevenueSplitOffice.Claim(_agreements[s].payees[i], proofs[s][proof], coin ? address(0) : assets[k]);
        }
    }

    /// @notice What is set aside for all payees, and for somebody who is none, is withdrawn by one call.
    function withdrawMany(uint256 s, uint256 k) external {
        (s, k) = _about(s, k);
        Moment memory before = _moment(s, k);
        bool[] memory able = _able(s, k);
        address[] memory who = new address[](able.length + 1);
        for (uint256 i = 0; i < able.length; ++i) {
            who[i] = before.lines[i].payee;
        }
        who[able.length] = payers[0];
        if (_do(s, 0, abi.encodeCall(IRevenueSplitOffice.withdrawCredits, (who, assets[k])))) {
            for (uint256 i = 0; i < able.length && k != ODD; ++i) {
                if (!able[i] || before.lines[i].credit == 0) continue;
                ++withdrawnOfMany;
                if (splits[s].credit(who[i], assets[k]) != 0) {
                    _note(Promise.Liveness, "one of many withdrawals was not made");
                }
            }
        } else {
            _note(Promise.Liveness, "a withdrawal of many was blocked");
        }
        _end(s, k, before);
    }

    // ------------------------------------------------------------------ moods and quirks

    /// @notice The well-meaning payee needs some gas, or refuses at once what comes with less.
    function work(uint256 number) external {
        moved = false;
        Payee.Mood[3] memory moods = [Payee.Mood.Honest, Payee.Mood.Hungry, Payee.Mood.Picky];
        Payee(payable(payees[1])).become(moods[number % 3], uint64(number % _MODEST));
    }

    function turn(uint256 mood, uint256 number) external {
        moved = false;
        Payee.Mood[6] memory moods = [
            Payee.Mood.Honest,
            Payee.Mood.Reverts,
            Payee.Mood.BurnsGas,
            Payee.Mood.BombOnRevert,
            Payee.Mood.BombOnSuccess,
            Payee.Mood.Picky
        ];
        Payee(payable(payees[2])).become(moods[mood % 6], uint64(number % 60_000));
    }

    /// @notice One of the acting payees makes plans for when it is paid next.
    function plan(uint256 i, uint256 s, uint256 k, uint256 what, bool insists) external {
        moved = false;
        _plan(SIMPLE_PAYEES + i % 2, s % SPLITS, k % ASSETS, what % (nested ? 8 : 4), insists);
    }

    /// @notice The same, in a token that tells it when it is paid, about that very token: an attack as it would be made, and
    ///         with all the gas that a token's transfer gets.
    function attack(uint256 i, uint256 s, uint256 k, uint256 what, uint256 amount) external {
        if (!nested) return;
        (s, k) = _about(s, 1 + k % 2);
        Moment memory before = _moment(s, k);
        _hookAll(k);
        Token(assets[k]).behave(Token.Quirk.Hooks, address(0), 0);
        Token(assets[k]).mint(address(splits[s]), _amount(amount));
        _plan(SIMPLE_PAYEES + i % 2, s, k, 4 + what % 4, false);
        if (what & 4 == 0) _do(s, 0, abi.encodeCall(splits[s].distribute, (terms[s], assets[k])));
        else _do(s, 0, _claimOf(s, k, payees[SIMPLE_PAYEES + i % 2]));
        _end(s, k, before);
    }

    function _plan(uint256 i, uint256 s, uint256 k, uint256 what, bool insists) private {
        Payee payee = Payee(payable(payees[i]));
        address target = address(splits[s]);
        if (what == 0) return payee.become(Payee.Mood.Honest, 0);
        if (what == 1) return payee.plan(Payee.Mood.SelfDestructs, k == 0 ? shelter : target, false, "");
        Payee.Mood mood = insists ? Payee.Mood.ActsOrReverts : Payee.Mood.Acts;
        if (what == 2 || what == 3 && k == 0) return payee.plan(mood, target, true, ""); // all its coin goes back
        bytes memory data;
        if (what == 3) {
            (target, data) = (assets[k], abi.encodeCall(Token.transfer, (target, balance(k, payees[i]))));
        }
        if (what == 4) data = abi.encodeCall(splits[s].distribute, (terms[s], assets[k]));
        if (what == 5) data = _claimOf(s, k, payees[i]);
        if (what == 6) data = abi.encodeCall(splits[s].withdrawCredit, (payees[i], assets[k]));
        if (what == 7) data = abi.encodeCall(splits[s].redirectCredit, (shelter, assets[k], 1));
        payee.plan(mood, target, false, data);
    }

    function _claimOf(uint256 s, uint256 k, address payee) private view returns (bytes memory) {
        uint256 place = 0;
        while (_agreements[s].payees[place] != payee) ++place;
        return abi.encodeCall(splits[s].claim, (payee, proofs[s][place], assets[k]));
    }

    function _hookAll(uint256 k) private {
        for (uint256 i = 1; i < 5; ++i) {
            if (!Token(assets[k]).hooked(payees[i])) Token(assets[k]).hook(payees[i]);
        }
    }

    /// @notice A token changes its ways; the fair ones, without making revenue fall.
    function behave(uint256 s, uint256 k, uint256 quirk, uint256 victim, uint256 number) external {
        (s, k) = (s % SPLITS, k % 3 == 0 ? ODD : k % 3);
        (atSplit, atAsset, moved) = (s, k, k == ODD);
        address whom = victim % 8 < 5 ? payees[victim % 5] : victim % 8 == 5 ? address(splits[s]) : address(0);
        Token.Quirk q = Token.Quirk(quirk % 21);
        if (q == Token.Quirk.FeeOnTop || q == Token.Quirk.BalanceLies || q == Token.Quirk.Inflates) {
            if (k != ODD) q = Token.Quirk.None;
        }
        if (q == Token.Quirk.BalanceReverts || q == Token.Quirk.BalanceShort) q = Token.Quirk.None;
        if (q == Token.Quirk.Fee || q == Token.Quirk.FeeOnTop || q == Token.Quirk.Keeps) skimmed[k] = true;
        if (q == Token.Quirk.Fee || q == Token.Quirk.FeeOnTop) number %= 10_000;
        else if (q == Token.Quirk.Picky) number %= 240_000;
        else if (q == Token.Quirk.Inflates) (whom, number) = (address(splits[s]), number % 1_000);
        else if (q == Token.Quirk.BalanceLies) number %= 2 * balance(k, address(splits[s])) + 2;
        else number = _amount(number);
        if (q == Token.Quirk.Hooks) _hookAll(k);
        Token(assets[k]).behave(q, whom, number);
        _remember();
    }

    /// @notice The answering token changes its ways. Where it says that it paid what it did not, what was paid did not arrive.
    function answer(uint256 how, uint256 number, uint256 victim, uint256 word, uint256 length) external {
        moved = false;
        AnsweringToken token = AnsweringToken(assets[ANSWERING]);
        AnsweringToken.Moves moves = AnsweringToken.Moves(how % 3);
        token.behave(moves, _amount(number), victim % 8 < 5 ? payees[victim % 5] : address(0));
        length = [uint256(32), 0, 31, 1, 33, 32][length % 6];
        token.answer(word % 5 == 0, [uint256(1), 0, 2, 1 << 248, word][word % 5], length);
        if (moves != AnsweringToken.Moves.All && token.saysYes()) skimmed[ANSWERING] = true;
    }

    /// @notice The odd token says that a split has more or less than it had.
    function rebase(uint256 s, uint256 number) external {
        (s,) = _about(s, ODD);
        Moment memory before = _moment(s, ODD);
        uint256 had = balance(ODD, address(splits[s]));
        Token(assets[ODD]).set(address(splits[s]), number % 4 == 0 ? had + number % 1_000 : number % (had + 1));
        _end(s, ODD, before);
    }

    /// @notice The odd token, decent for once, falls behind what somebody has claimed already, and recovers.
    function slump(uint256 s, uint256 i, uint256 down, uint256 up, bool distributes) external {
        (s,) = _about(s, ODD);
        Moment memory before = _moment(s, ODD);
        Token token = Token(assets[ODD]);
        token.behave(Token.Quirk.None, address(0), 0);
        token.mint(address(splits[s]), _amount(up));
        _remember();
        _do(s, 0, _claimOf(s, ODD, payees[i % 5]));
        token.set(address(splits[s]), down % (token.held(address(splits[s])) + 1));
        if (distributes) _do(s, 0, abi.encodeCall(splits[s].distribute, (terms[s], address(token))));
        token.mint(address(splits[s]), _amount(up >> 1));
        _end(s, ODD, before);
    }

    // ------------------------------------------------------------------ judging

    function _about(uint256 s, uint256 k) private returns (uint256, uint256) {
        (atSplit, atAsset, moved) = (s % SPLITS, k % ASSETS, true);
        if (!nested) vm.recordLogs();
        return (atSplit, atAsset);
    }

    /// @dev From one unit to 2^100, every magnitude alike.
    function _amount(uint256 number) private pure returns (uint256) {
        return 1 + (number >> 8) % 2 ** (number % 256 % 101);
    }

    function _note(Promise what, string memory how) internal {
        if (bytes(broken[what]).length == 0) broken[what] = how;
    }

    function _moment(uint256 s, uint256 k) internal view returns (Moment memory m) {
        address[] memory who = _agreements[s].payees;
        (m.revenue, m.lines) = splits[s].statement(terms[s], assets[k]);
        m.marks = new uint256[](who.length);
        m.withdrawn = new uint256[](who.length);
        (uint256 distributed,, bool alone) = splits[s].marks(assets[k]);
        for (uint256 i = 0; i < who.length; ++i) {
            m.marks[i] = alone ? splits[s].markOf(who[i], assets[k]) : distributed;
            if (!nested) m.withdrawn[i] = statements[s].withdrawn(assets[k], who[i]);
        }
    }

    function _end(uint256 s, uint256 k, Moment memory before) private {
        _remember();
        Moment memory now_ = _moment(s, k);
        if (k != ODD && now_.revenue < before.revenue) _note(Promise.Monotone, "revenue fell");
        for (uint256 i = 0; i < now_.lines.length; ++i) {
            IRevenueSplitOffice.Line memory was = before.lines[i];
            IRevenueSplitOffice.Line memory line = now_.lines[i];
            if (k != ODD && line.entitlement < was.entitlement) _note(Promise.Monotone, "an entitlement fell");
            if (now_.marks[i] < before.marks[i]) _note(Promise.Monotone, "a payee's mark fell");
            if (line.paid < was.paid) _note(Promise.Monotone, "what was paid fell");
            if (!nested && line.credit + now_.withdrawn[i] < was.credit + before.withdrawn[i]) {
                _note(Promise.CreditsFallByWithdrawalOnly, "a credit fell without a withdrawal");
            }
        }
    }

    function _do(uint256 s, uint256 value, bytes memory data) private returns (bool done) {
        return _do(s, value, data, _PLENTY);
    }

    /// @dev Makes a call to a split and takes in its logs, or drops them if it was undone.
    function _do(uint256 s, uint256 value, bytes memory data, uint256 gas_) private returns (bool done) {
        (done,) = address(splits[s]).call{value: value, gas: gas_}(data);
        if (nested) return done;
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 n = 0; n < SPLITS && done; ++n) {
            statements[n].read(logs);
        }
    }

    function _remember() private {
        for (uint256 s = 0; s < SPLITS; ++s) {
            uint256 revenue = splits[s].received(assets[ODD]);
            if (revenue > highest[s]) highest[s] = revenue;
        }
    }

    /// @dev Those who are able to receive must not have been credited, whatever gas somebody chose.
    function _judgeCredits(uint256 s, uint256 k, Moment memory before, bool[] memory able) private {
        if (k == ODD) return;
        address[] memory who = _agreements[s].payees;
        for (uint256 i = 0; i < able.length; ++i) {
            if (able[i] && splits[s].credit(who[i], assets[k]) > before.lines[i].credit) {
                _note(Promise.FailuresAreNotForged, "somebody was credited who could have been paid");
            }
        }
    }

    /// @notice Which payees of a split can be paid in an asset for sure.
    function _able(uint256 s, uint256 k) internal view returns (bool[] memory able) {
        address[] memory who = _agreements[s].payees;
        able = new bool[](who.length);
        for (uint256 i = 0; i < able.length; ++i) {
            able[i] = k == 0 ? _welcomes(who[i]) : _moves(s, k, who[i]);
        }
    }

    function _welcomes(address payee) private view returns (bool) {
        if (payee.code.length == 0 || payee == payees[1] || payee == address(splits[1])) return true;
        return Payee(payable(payee)).mood() == Payee.Mood.Honest;
    }

    function _moves(uint256 s, uint256 k, address payee) private view returns (bool) {
        if (k == ANSWERING) return _answersWell(payee);
        Token token = Token(assets[k]);
        Token.Quirk q = token.quirk();
        address victim = token.victim();
        if (victim != address(0) && victim != payee && victim != address(splits[s])) return true;
        if (q == Token.Quirk.Hooks) return !token.hooked(payee) || _welcomes(payee);
        if (q == Token.Quirk.Picky) return token.number() < 150_000;
        return q == Token.Quirk.None || q == Token.Quirk.NoReturn || q == Token.Quirk.ReturnsHugeTrue
            || q == Token.Quirk.Fee || q == Token.Quirk.RevertsOnZero || q == Token.Quirk.Keeps;
    }

    function _answersWell(address payee) private view returns (bool) {
        AnsweringToken token = AnsweringToken(assets[ANSWERING]);
        if (token.victim() != address(0) && token.victim() != payee) return true;
        return token.saysYes() || !token.reverts() && token.moves() == AnsweringToken.Moves.All;
    }

    /// @notice For the suite, which asks after each step what would happen if.
    function settle(uint256 s, uint256 k) external returns (bool[] memory able) {
        able = _able(s, k);
        splits[s].distribute{gas: _PLENTY}(terms[s], assets[k]);
    }

    /// @notice Everybody becomes well-meaning.
    function calm() external {
        for (uint256 i = 1; i < 5; ++i) {
            Payee(payable(payees[i])).become(Payee.Mood.Honest, 0);
        }
        for (uint256 k = 1; k < ASSETS; ++k) {
            if (k != ANSWERING) Token(assets[k]).behave(Token.Quirk.None, address(0), 0);
        }
        AnsweringToken(assets[ANSWERING]).behave(AnsweringToken.Moves.All, 0, address(0));
        AnsweringToken(assets[ANSWERING]).answer(false, 1, 32);
    }
}
