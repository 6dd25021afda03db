// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Agreement, Agreements} from "../Agreement.sol";
import {FickleSplit} from "./FickleSplit.sol";
import {IFactory} from "../IFactory.sol";
import {ISaleEscrow} from "../ITrust.sol";
import {IRevenueSplit} from "revshare/split/IRevenueSplit.sol";
import {Payee} from "mocks/Payee.sol";
import {Shipped} from "../Shipped.sol";
import {Token} from "mocks/Token.sol";
import {vm} from "../Vm.sol";

/// @title Everything that may happen to sales held in trust.
/// @notice Buyers: one without code, and a contract of changing mood; both use the same ids. Splits: a real one; a contract
///         that takes, refuses, takes part or acts; and a real one that is not there yet and may be created at any time.
///         Assets: the coin and two tokens of changing ways.
/// @dev It reckons by itself who may do what and when, and notes a step that went through though it should not have, or
///      was refused though it should not have been.
contract EscrowHandler {
    using Agreements for Agreement;

    uint256 public constant ASSETS = 3;
    uint256 public constant SPLITS = 3;
    uint256 public constant BUYERS = 2;
    uint256 public constant IDS = 3;
    uint256 private constant _PLENTY = 20_000_000;

    ISaleEscrow public escrow;
    IFactory private _factory;
    bytes private _terms;
    address[ASSETS] public assets;
    address[SPLITS] public splits;
    address[BUYERS] public buyers;
    address public constant SELLER = address(0x5E11E2);
    address public constant ARBITER = address(0xA2B172);
    address public constant STRANGER = address(0x57A);
    address public constant SHELTER = address(0x5E17E2);
    uint256 public coinSupply;
    /// @notice Whether an asset has ever said that it paid and kept the money.
    mapping(uint256 asset => bool) public kept;
    /// @notice What stayed behind of sales that are done: at most two units each, which a token of shares may round.
    mapping(uint256 asset => uint256) public rounded;
    string public broken;
    uint256 public settled;
    uint256 public delayed;
    uint256 public late;
    uint256 private _now = 1_700_000_000;
    /// @dev Whether a sale's money has gone into its split, by what the escrow has lost.
    mapping(uint256 split => mapping(uint256 buyer => mapping(uint256 id => bool))) private _reached;

    constructor() {
        escrow = ISaleEscrow(Shipped.deploy("SaleEscrow"));
        assets = [address(0), address(new Token(6)), address(new Token(18))];
        buyers = [address(0xB0B), address(new Payee())];
        address[] memory who = new address[](1);
        who[0] = address(0x9A1);
        Agreement memory a = Agreements.blank(address(0), who, 1);
        a.weights[0][0] = 1;
        (_terms, _factory) = (a.pack(), IFactory(Shipped.deploy("RevenueSplitFactory")));
        splits = [_factory.create(_terms, 0), address(new FickleSplit()), _factory.predict(_terms, 1)];
        for (uint256 b = 0; b < BUYERS; ++b) {
            vm.deal(buyers[b], 2 ** 120);
            coinSupply += 2 ** 120;
            for (uint256 k = 1; k < ASSETS; ++k) {
                Token(assets[k]).mint(buyers[b], 2 ** 120);
                vm.prank(buyers[b]);
                Token(assets[k]).approve(address(escrow), type(uint256).max);
                vm.prank(buyers[b]);
                Token(assets[k]).approve(splits[0], type(uint256).max);
            }
        }
        vm.warp(_now);
    }

    function balance(uint256 k, address who) public view returns (uint256) {
        return k == 0 ? who.balance : Token(assets[k]).held(who);
    }

    /// @notice All that the escrow should have, by asset: what is held, owed and set aside.
    function due() public view returns (uint256[ASSETS] memory sums) {
        for (uint256 n = 0; n < SPLITS * BUYERS * IDS; ++n) {
            ISaleEscrow.Sale memory sale = _sale(n % SPLITS, n / SPLITS % BUYERS, n / SPLITS / BUYERS);
            uint256 held = sale.owed;
            if (sale.state == ISaleEscrow.State.Held || sale.state == ISaleEscrow.State.Disputed) held = sale.amount;
            require((sale.owed != 0) == (sale.state == ISaleEscrow.State.Owed), "owed against the state");
            for (uint256 k = 0; k < ASSETS; ++k) {
                if (sale.token == assets[k]) sums[k] += held;
            }
        }
        for (uint256 k = 0; k < ASSETS; ++k) {
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

    /// @notice Whether the real splits know exactly the sales whose money has reached them.
    function recordsAreTrue() external view returns (bool) {
        for (uint256 n = 0; n < SPLITS * BUYERS * IDS; ++n) {
            (uint256 s, uint256 b, uint256 id) = (n % SPLITS, n / SPLITS % BUYERS, n / SPLITS / BUYERS);
            if (s == 1 || splits[s].code.length == 0) continue;
            bytes32 recordId = keccak256(abi.encode(buyers[b], bytes32(id)));
            if (escrow.recordIdOf(buyers[b], bytes32(id)) != recordId) return false;
            bool known = IRevenueSplit(splits[s]).isSalePaid(address(escrow), recordId);
            if (known != _reached[s][b][id]) return false;
        }
        return true;
    }

    // ------------------------------------------------------------------ steps

    function open(uint256 s, uint256 b, uint256 id, uint256 k, uint256 amount, uint256 how) external {
        vm.warp(_now);
        (s, b, id) = (s % SPLITS, b % BUYERS, id % IDS);
        ISaleEscrow.Terms memory terms;
        (terms.split, terms.saleId, terms.token) = (splits[s], bytes32(id), assets[k % ASSETS]);
        terms.amount = 1 + (amount >> 8) % 2 ** (amount % 256 % 100);
        (terms.seller, terms.deadline) = (SELLER, uint64(_now + 1 + how % 3 days));
        if (how & 1 == 1) (terms.arbiter, terms.decisionDeadline) = (ARBITER, terms.deadline + uint64(1 + how % 2 days));
        terms.refundByDefault = how & 2 == 2;
        bool known = _sale(s, b, id).state != ISaleEscrow.State.None;
        vm.prank(buyers[b]);
        try escrow.open{value: terms.token == address(0) ? terms.amount : 0, gas: _PLENTY}(terms) {
            if (known) _note("a sale was opened twice");
            if (_sale(s, b, id).buyer != buyers[b]) _note("a sale has another buyer");
        } catch {
            if (!known && terms.token == address(0)) _note("a sale could not be opened");
        }
    }

    /// @param what 0 confirm, 1 dispute, 2 refund, 3 decide, 4 release, 5 settle by default
    function act(uint256 s, uint256 b, uint256 id, uint256 what, uint256 who, uint256 part) external {
        vm.warp(_now);
        (s, b, id, what) = (s % SPLITS, b % BUYERS, id % IDS, what % 6);
        ISaleEscrow.Sale memory sale = _sale(s, b, id);
        // Mostly whose turn it is, sometimes somebody else.
        address[4] memory anybody = [sale.buyer, SELLER, ARBITER, STRANGER];
        address caller = who % 4 == 0 ? anybody[(who >> 2) % 4] : what < 2 ? sale.buyer : what == 2 ? SELLER : ARBITER;
        part = part % 8 == 0 ? uint256(sale.amount) + part % 1_000 : part % (uint256(sale.amount) + 1);
        bool may = _may(sale, what, caller, part);
        // What is owed is owed because the split did not take it; it may still not.
        bool unsure = may && what == 4 && sale.state == ISaleEscrow.State.Owed && !_takes(s, sale.token);
        uint256 held = _heldOf(sale.token);
        vm.prank(caller);
        (bool done,) = address(escrow).call{gas: _PLENTY}(_calldata(s, b, id, what, part));
        if (done != may && !unsure) _note(done ? "a step went through that should not have" : "a sale is stuck");
        if (done) _judge(s, b, id, sale, what, part, held, true);
    }

    /// @notice Somebody ends a sale with hardly any gas, so that a delivery fails that should not.
    function starve(uint256 s, uint256 b, uint256 id, uint256 gas_) external {
        vm.warp(_now);
        (s, b, id) = (s % SPLITS, b % BUYERS, id % IDS);
        ISaleEscrow.Sale memory sale = _sale(s, b, id);
        uint256 held = _heldOf(sale.token);
        try escrow.release{gas: 30_000 + gas_ % 1_400_000}(splits[s], buyers[b], bytes32(id)) {
            _judge(s, b, id, sale, 4, 0, held, true);
        } catch {}
    }

    /// @notice A buyer pays a split in a token that calls it meanwhile, and uses that to end some sale: what is moving cannot
    ///         arrive now, everything else can, and nothing is recorded without its money.
    function sneak(uint256 s, uint256 b, uint256 id, uint256 amount, uint256 sale_) external {
        vm.warp(_now);
        (s, b, id) = (s % SPLITS, b % BUYERS, id % IDS);
        ISaleEscrow.Sale memory sale = _sale(s, b, id);
        uint256 held = _heldOf(sale.token);
        (Token token, Payee attacker) = (Token(assets[1]), Payee(payable(buyers[1])));
        if (!token.hooked(address(attacker))) token.hook(address(attacker));
        token.behave(Token.Quirk.Hooks, address(0), 0);
        attacker.plan(Payee.Mood.Acts, address(escrow), false, _calldata(s, b, id, 4, 0));
        vm.prank(address(attacker));
        (bool done,) = splits[0].call{gas: _PLENTY}(
            abi.encodeCall(IRevenueSplit(splits[0]).pay, (bytes32(sale_), assets[1], 1 + amount % 2 ** 60))
        );
        // What was done meanwhile was undone if the payment was.
        ISaleEscrow.State now_ = _sale(s, b, id).state;
        if (done && now_ != sale.state) _judge(s, b, id, sale, 4, 0, held, sale.token != assets[1]);
        if (!done && now_ != sale.state) _note("a sale has ended though nothing happened");
        attacker.become(Payee.Mood.Honest, 0);
    }

    function withdraw(uint256 b, uint256 k, uint256 part, bool elsewhere) external {
        vm.warp(_now);
        (b, k) = (b % BUYERS, k % ASSETS);
        uint256 credit = escrow.credit(buyers[b], assets[k]);
        part = elsewhere ? part % (credit + 3) : credit;
        bytes memory data = abi.encodeCall(escrow.withdrawCredit, (buyers[b], assets[k]));
        if (elsewhere) {
            data = abi.encodeCall(escrow.redirectCredit, (SHELTER, assets[k], part));
            vm.prank(buyers[b]);
        }
        uint256 had = balance(k, elsewhere ? SHELTER : buyers[b]);
        (bool done,) = address(escrow).call{gas: _PLENTY}(data);
        if (done && (part == 0 || part > credit)) _note("a credit was paid that was none");
        if (done && k == 0 && balance(k, elsewhere ? SHELTER : buyers[b]) < had + part && !_acts()) {
            _note("a credit was paid and did not arrive");
        }
        if (escrow.credit(buyers[b], assets[k]) != (done ? credit - part : credit)) _note("a credit against its withdrawals");
    }

    /// @notice The split that was paid before it existed is made.
    function create() external {
        if (splits[2].code.length == 0) _factory.create(_terms, 1);
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
        FickleSplit.Way[6] memory ways = [
            FickleSplit.Way.Takes,
            FickleSplit.Way.Refuses,
            FickleSplit.Way.TakesNothing,
            FickleSplit.Way.TakesPart,
            FickleSplit.Way.BurnsGas,
            FickleSplit.Way.BombOnRevert
        ];
        if (which % 2 == 0) Payee(payable(buyers[1])).become(moods[mood % 6], 0);
        else FickleSplit(payable(splits[1])).become(ways[mood % 6], 0);
    }

    /// @notice The hostile ones, when they are paid, try to have some sale end, or end once more.
    function plan(uint256 which, uint256 s, uint256 b, uint256 id, uint256 what, uint256 part) external {
        bytes memory data = _calldata(s % SPLITS, b % BUYERS, id % IDS, what % 6, part);
        if (which % 2 == 0) Payee(payable(buyers[1])).plan(Payee.Mood.Acts, address(escrow), false, data);
        else FickleSplit(payable(splits[1])).plan(address(escrow), data);
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
        k = 1 + k % 2;
        Token token = Token(assets[k]);
        address[4] memory whom = [address(0), buyers[1], splits[1], splits[0]];
        Token.Quirk q = ways[quirk % 12];
        if (q == Token.Quirk.Hooks && !token.hooked(buyers[1])) token.hook(buyers[1]);
        if (q == Token.Quirk.Keeps) kept[k] = true;
        token.behave(q, whom[victim % 4], q == Token.Quirk.Fee ? number % 10_000 : 1 + number % 2 ** 90);
    }

    /// @notice Whatever the parties do, this is possible once all times are over; and the seller can give back what is owed.
    function endAll() external {
        vm.warp(_now + 10 days);
        for (uint256 n = 0; n < SPLITS * BUYERS * IDS; ++n) {
            (address split, address buyer, bytes32 id) =
                (splits[n % SPLITS], buyers[n / SPLITS % BUYERS], bytes32(n / SPLITS / BUYERS));
            ISaleEscrow.Sale memory sale = escrow.sale(split, buyer, id);
            uint256 held = _heldOf(sale.token);
            if (sale.state == ISaleEscrow.State.Held) escrow.release{gas: _PLENTY}(split, buyer, id);
            if (sale.state == ISaleEscrow.State.Disputed) escrow.settleByDefault{gas: _PLENTY}(split, buyer, id);
            bool ended = sale.state != escrow.sale(split, buyer, id).state;
            bool refunded = sale.state == ISaleEscrow.State.Disputed && sale.refundByDefault;
            if (escrow.sale(split, buyer, id).state == ISaleEscrow.State.Owed) {
                vm.prank(SELLER);
                escrow.refund{gas: _PLENTY}(split, buyer, id);
            } else if (ended && !refunded) {
                _round(sale.token, sale.amount, held);
            }
            sale = escrow.sale(split, buyer, id);
            require(sale.state == ISaleEscrow.State.None || sale.state == ISaleEscrow.State.Done, "a sale cannot end");
        }
    }

    // ------------------------------------------------------------------ judging

    function _sale(uint256 s, uint256 b, uint256 id) private view returns (ISaleEscrow.Sale memory) {
        return escrow.sale(splits[s], buyers[b], bytes32(id));
    }

    function _heldOf(address token) private view returns (uint256) {
        return token == address(0) ? address(escrow).balance : Token(token).held(address(escrow));
    }

    function _may(ISaleEscrow.Sale memory sale, uint256 what, address caller, uint256 part) private view returns (bool) {
        bool held = sale.state == ISaleEscrow.State.Held;
        bool disputed = sale.state == ISaleEscrow.State.Disputed;
        bool owed = sale.state == ISaleEscrow.State.Owed;
        if (what == 0) return (held || disputed) && caller == sale.buyer;
        if (what == 1) return held && caller == sale.buyer && _now < sale.deadline && sale.arbiter != address(0);
        if (what == 2) return (held || disputed || owed) && caller == SELLER;
        if (what == 3) return disputed && caller == ARBITER && _now < sale.decisionDeadline && part <= sale.amount;
        if (what == 4) return owed || held && _now >= sale.deadline;
        return disputed && _now >= sale.decisionDeadline;
    }

    function _calldata(uint256 s, uint256 b, uint256 id, uint256 what, uint256 part) private view returns (bytes memory) {
        (address split, address buyer, bytes32 saleId) = (splits[s], buyers[b], bytes32(id));
        if (what == 0) return abi.encodeCall(ISaleEscrow.confirm, (split, saleId));
        if (what == 1) return abi.encodeCall(ISaleEscrow.dispute, (split, saleId));
        if (what == 2) return abi.encodeCall(ISaleEscrow.refund, (split, buyer, saleId));
        if (what == 3) return abi.encodeCall(ISaleEscrow.decide, (split, buyer, saleId, part));
        if (what == 4) return abi.encodeCall(ISaleEscrow.release, (split, buyer, saleId));
        return abi.encodeCall(ISaleEscrow.settleByDefault, (split, buyer, saleId));
    }

    /// @dev What became of a sale that was acted upon: the split's part has reached it, or all of that is owed.
    /// @param must Whether a split that takes the money must have it.
    function _judge(
        uint256 s,
        uint256 b,
        uint256 id,
        ISaleEscrow.Sale memory was,
        uint256 what,
        uint256 part,
        uint256 held,
        bool must
    ) private {
        ISaleEscrow.Sale memory now_ = _sale(s, b, id);
        if (what == 1) {
            if (now_.state != ISaleEscrow.State.Disputed) _note("a sale is in another state");
            return;
        }
        bool owedBefore = was.state == ISaleEscrow.State.Owed;
        uint256 toSplit = owedBefore ? was.owed : was.amount;
        if (what == 2 || what == 5 && was.refundByDefault) toSplit = 0;
        if (what == 3) toSplit -= part;
        ++settled;
        if (now_.state == ISaleEscrow.State.Owed) {
            ++delayed;
            if (toSplit == 0 || now_.owed != toSplit) _note("something else is owed than was to reach the split");
            if (must && _takes(s, was.token)) _note("a sale's money is owed, though the split would have taken it");
        } else {
            if (now_.state != ISaleEscrow.State.Done || now_.owed != 0) _note("a sale is in another state");
            if (toSplit == 0) return;
            _round(was.token, toSplit, held);
            _reached[s][b][id] = true;
            if (owedBefore) ++late;
        }
    }

    /// @dev A sale is done: how much of what was to reach the split has stayed.
    function _round(address token, uint256 toSplit, uint256 held) private {
        uint256 holds = _heldOf(token);
        uint256 stayed = holds + toSplit > held ? holds + toSplit - held : 0;
        if (stayed > 2 || stayed != 0 && token == address(0)) _note("a sale is done, and its money still here");
        rounded[token == assets[1] ? 1 : 2] += stayed;
    }

    /// @dev Whether a split takes an asset for sure, just now.
    function _takes(uint256 s, address token) private view returns (bool) {
        if (splits[s].code.length == 0) return false;
        if (s == 1 && FickleSplit(payable(splits[1])).way() != FickleSplit.Way.Takes) return false;
        if (token == address(0)) return true;
        Token.Quirk q = Token(token).quirk();
        address victim = Token(token).victim();
        if (victim != address(0) && victim != splits[s]) return true;
        // The one that is no split insists on an answer.
        if (q == Token.Quirk.NoReturn) return s != 1;
        return q == Token.Quirk.None || q == Token.Quirk.ReturnsHugeTrue || q == Token.Quirk.Hooks;
    }

    function _acts() private view returns (bool) {
        return Payee(payable(buyers[1])).mood() == Payee.Mood.Acts;
    }

    function _note(string memory how) private {
        if (bytes(broken).length == 0) broken = how;
    }
}
