// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AnsweringToken} from "../AnsweringToken.sol";
import {IPayoutBook} from "../ITrust.sol";
import {Payee} from "mocks/Payee.sol";
import {Shipped} from "../Shipped.sol";
import {Token} from "mocks/Token.sol";
import {vm} from "../Vm.sol";

/// @title Everything that may happen to payout books, whose owner (this contract) is as likely a rogue as not.
/// @notice Two books, one with a delay of a day; three assets, the coin, a token of changing ways, and one that moves all, part
///         or nothing and answers what it likes; five payees. The owner publishes trees that are fair, that take back what was given, or whose leaves sum to more than their total.
contract BookHandler {
    uint256 public constant BOOKS = 2;
    uint256 public constant ASSETS = 3;
    uint256 public constant ANSWERING = 2;
    uint256 public constant PAYEES = 5;
    uint256 private constant _PLENTY = 20_000_000;
    uint256 private constant _DELAY = 1 days;

    struct Tree {
        uint256[PAYEES] given;
        uint256 total;
        bool fair; // its leaves sum to no more than its total, and take nothing back
        bytes32 root;
    }

    IPayoutBook[BOOKS] public books;
    address[ASSETS] public assets;
    address[PAYEES] public payees;
    address public constant STRANGER = address(0x57A);
    address public constant SHELTER = address(0x5E17E2);

    mapping(uint256 book => mapping(uint256 asset => Tree)) private _inForce;
    mapping(uint256 book => mapping(uint256 asset => Tree)) private _announced;
    mapping(uint256 book => mapping(uint256 asset => uint256)) private _activeAt;
    /// @notice The most that a leaf in force ever gave a payee.
    mapping(uint256 book => mapping(uint256 asset => mapping(uint256 payee => uint256))) public mostGiven;
    mapping(uint256 book => mapping(uint256 asset => mapping(uint256 payee => uint256))) private _paidBefore;
    mapping(uint256 book => mapping(uint256 asset => uint256)) private _totalBefore;
    mapping(uint256 book => mapping(uint256 asset => bool)) public everFair;
    mapping(uint256 asset => uint256) public supply;
    string public broken;
    uint256 public atBook;
    uint256 public atAsset;
    uint256 public published;
    uint256 public claims;
    uint256 private _now = 1_700_000_000;

    constructor() {
        books[0] = IPayoutBook(Shipped.deploy("PayoutBook", abi.encode(address(this), 0)));
        books[1] = IPayoutBook(Shipped.deploy("PayoutBook", abi.encode(address(this), _DELAY)));
        assets = [address(0), address(new Token(6)), address(new AnsweringToken())];
        payees = [address(0x9A1), address(new Payee()), address(0x9A2), address(new Payee()), address(0x9A3)];
        for (uint256 b = 0; b < BOOKS; ++b) {
            for (uint256 k = 0; k < ASSETS; ++k) {
                everFair[b][k] = true;
            }
        }
        vm.warp(_now);
    }

    function balance(uint256 k, address who) public view returns (uint256) {
        return k == 0 ? who.balance : Token(assets[k]).held(who);
    }

    // ------------------------------------------------------------------ the tree, as PayoutBook.sol describes it

    function _leaves(uint256 b, uint256 k, Tree memory tree) private view returns (bytes32[] memory level) {
        level = new bytes32[](PAYEES);
        for (uint256 i = 0; i < PAYEES; ++i) {
            bytes memory leaf = abi.encode(block.chainid, books[b], assets[k], payees[i], tree.given[i]);
            level[i] = keccak256(bytes.concat(keccak256(leaf)));
        }
    }

    function _above(bytes32[] memory level) private pure returns (bytes32[] memory next) {
        next = new bytes32[]((level.length + 1) / 2);
        for (uint256 n = 0; n < next.length; ++n) {
            (bytes32 x, bytes32 y) = (level[2 * n], 2 * n + 1 < level.length ? level[2 * n + 1] : bytes32(0));
            if (2 * n + 1 == level.length) next[n] = x;
            else next[n] = keccak256(x < y ? bytes.concat(x, y) : bytes.concat(y, x));
        }
    }

    function _rootOf(uint256 b, uint256 k, Tree memory tree) private view returns (bytes32) {
        bytes32[] memory level = _leaves(b, k, tree);
        while (level.length > 1) {
            level = _above(level);
        }
        return level[0];
    }

    function _proofOf(uint256 b, uint256 k, Tree memory tree, uint256 i) private view returns (bytes32[] memory proof) {
        bytes32[] memory level = _leaves(b, k, tree);
        proof = new bytes32[](3);
        uint256 count = 0;
        for (; level.length > 1; i /= 2) {
            if (i ^ 1 < level.length) proof[count++] = level[i ^ 1];
            level = _above(level);
        }
        assembly ("memory-safe") {
            mstore(proof, count)
        }
    }

    // ------------------------------------------------------------------ the owner's steps

    function fund(uint256 b, uint256 k, uint256 amount) external {
        (b, k) = _about(b, k);
        amount = 1 + (amount >> 8) % 2 ** (amount % 256 % 80);
        _give(k, address(books[b]), amount);
        _after(b, k);
    }

    function _give(uint256 k, address to, uint256 amount) private {
        if (k == 0) vm.deal(to, to.balance + amount);
        else Token(assets[k]).mint(to, amount);
        supply[k] += amount;
    }

    function publish(uint256 b, uint256 k, uint256 seed, uint256 how) external {
        (b, k) = _about(b, k);
        Tree memory tree = _inForce[b][k];
        tree.fair = true;
        uint256 sum = 0;
        for (uint256 i = 0; i < PAYEES; ++i) {
            uint256 more = uint256(keccak256(abi.encode(seed, i)));
            if (how % 5 == 0 && i == how % PAYEES) {
                tree.fair = tree.given[i] == 0 && tree.fair;
                tree.given[i] /= 2; // takes back
            } else {
                tree.given[i] += (more >> 8) % 2 ** (more % 256 % 60);
            }
            sum += tree.given[i];
        }
        tree.total = sum;
        if (how % 7 == 0) tree.total = sum / 2;
        if (how % 11 == 0) tree.total = sum + seed % 1_000;
        if (tree.total < sum) tree.fair = false;
        tree.root = _rootOf(b, k, tree);
        // Mostly with the money that it takes.
        (, uint256 promised, uint256 claimed) = books[b].promised(assets[k]);
        uint256 held = balance(k, address(books[b]));
        if (how % 3 != 0 && held + claimed < tree.total) {
            _give(k, address(books[b]), tree.total - held - claimed);
            held = tree.total - claimed;
        }
        bool good = tree.total >= promised && held + claimed >= tree.total;
        try books[b].publish{gas: _PLENTY}(tree.total, tree.root, assets[k]) {
            if (!good) _note("a root was taken that is not funded, or takes back what was promised");
            ++published;
            if (b == 0) {
                _enter(b, k, tree);
            } else {
                (_announced[b][k], _activeAt[b][k]) = (tree, _now + _DELAY);
            }
        } catch {
            if (good) _note("a funded root was refused");
        }
        vm.prank(STRANGER);
        try books[b].publish{gas: _PLENTY}(tree.total, tree.root, assets[k]) {
            _note("a stranger published");
        } catch {}
        _after(b, k);
    }

    function _enter(uint256 b, uint256 k, Tree memory tree) private {
        _inForce[b][k] = tree;
        if (!tree.fair) everFair[b][k] = false;
        for (uint256 i = 0; i < PAYEES; ++i) {
            if (tree.given[i] > mostGiven[b][k][i]) mostGiven[b][k][i] = tree.given[i];
        }
    }

    function takeBack(uint256 b, uint256 k) external {
        (b, k) = _about(b, k);
        bool good = _activeAt[b][k] != 0;
        try books[b].withdraw{gas: _PLENTY}(assets[k]) {
            if (!good) _note("what was in force was taken back");
            delete _activeAt[b][k];
        } catch {
            if (good) _note("an announcement could not be taken back");
        }
        _after(b, k);
    }

    function takeOut(uint256 b, uint256 k, uint256 amount, bool all) external {
        (b, k) = _about(b, k);
        uint256 surplus = books[b].surplus(assets[k]);
        amount = all ? surplus : amount % (2 * surplus + 2);
        try books[b].withdrawSurplus{gas: _PLENTY}(assets[k], SHELTER, amount) {
            if (amount > surplus) _note("more was taken out than was free");
        } catch {}
        _after(b, k);
    }

    // ------------------------------------------------------------------ anybody's steps

    function claim(uint256 b, uint256 k, uint256 i, uint256 how) external {
        (b, k) = _about(b, k);
        i %= PAYEES;
        // Sometimes a leaf that is announced only, or is none at all.
        Tree memory tree = how % 4 == 0 ? _announced[b][k] : _inForce[b][k];
        if (how % 16 == 1) tree.given[i] += 1 + how;
        bool good = _rootOf(b, k, tree) == _inForce[b][k].root;
        uint256 before = books[b].paid(payees[i], assets[k]);
        bytes memory data = _claimOf(b, k, tree, i);
        if (how % 8 == 2) {
            data = abi.encodeCall(books[b].claimTo, (SHELTER, tree.given[i], _proofOf(b, k, tree, i), assets[k]));
            vm.prank(payees[i]);
        }
        (bool done,) = address(books[b]).call{gas: _PLENTY}(data);
        if (done) {
            ++claims;
            if (!good || tree.given[i] <= before) _note("a claim was paid without a leaf, or twice");
            if (books[b].paid(payees[i], assets[k]) != tree.given[i]) _note("a claim paid something else than was due");
            if (k == ANSWERING && how % 8 != 2 && !_saysYes(i)) _note("a claim took an unclean answer for a payment");
        } else if (good && tree.given[i] > before && _able(k, i) && everFair[b][k]) {
            _note("a promise was not kept");
        }
        _after(b, k);
    }

    function _claimOf(uint256 b, uint256 k, Tree memory tree, uint256 i) private view returns (bytes memory) {
        bytes32[] memory proof = _proofOf(b, k, tree, i);
        return abi.encodeCall(books[b].claim, (payees[i], tree.given[i], proof, assets[k]));
    }

    function claimMany(uint256 b, uint256 k, uint256 gas_) external {
        (b, k) = _about(b, k);
        Tree memory tree = _inForce[b][k];
        IPayoutBook.Claim[] memory all = new IPayoutBook.Claim[](PAYEES + 1);
        for (uint256 i = 0; i <= PAYEES; ++i) {
            uint256 n = i % PAYEES; // the first one twice
            all[i] = IPayoutBook.Claim(payees[n], tree.given[n], _proofOf(b, k, tree, n));
        }
        bool starved = gas_ % 2 == 0;
        (uint256[PAYEES] memory paid, uint256[PAYEES] memory had) = _paidAndHad(b, k);
        bytes memory data = abi.encodeCall(books[b].claimMany, (assets[k], all));
        (bool done, bytes memory told) = address(books[b]).call{gas: starved ? 50_000 + gas_ % 1_000_000 : _PLENTY}(data);
        if (done) {
            ++claims;
            (uint256 sent, uint256 skipped) = abi.decode(told, (uint256, uint256));
            _judgeMany(b, k, tree, paid, had, sent, skipped);
        } else if (!starved) {
            _note("a bulk claim was blocked");
        }
        _after(b, k);
    }

    function _paidAndHad(uint256 b, uint256 k)
        private
        view
        returns (uint256[PAYEES] memory paid, uint256[PAYEES] memory had)
    {
        for (uint256 i = 0; i < PAYEES; ++i) {
            (paid[i], had[i]) = (books[b].paid(payees[i], assets[k]), balance(k, payees[i]));
        }
    }

    /// @dev What a bulk claim says it paid is what payees are now counted as paid; where nobody lies, it has arrived.
    function _judgeMany(
        uint256 b,
        uint256 k,
        Tree memory tree,
        uint256[PAYEES] memory paid,
        uint256[PAYEES] memory had,
        uint256 sent,
        uint256 skipped
    ) private {
        uint256 whole = 0;
        for (uint256 i = 0; i < PAYEES; ++i) {
            uint256 more = books[b].paid(payees[i], assets[k]) - paid[i];
            if (more != 0 && paid[i] + more == tree.given[i]) ++whole;
            if (paid[i] + more > tree.given[i] && more != 0) _note("a bulk claim paid more than the leaf");
            bool acts = k != ANSWERING && payees[i].code.length != 0;
            bool lies = k == ANSWERING && _saysYes(i) && _moves(i) != AnsweringToken.Moves.All;
            if (k == 1) lies = Token(assets[1]).quirk() == Token.Quirk.Fee;
            if (!acts && !lies && balance(k, payees[i]) != had[i] + more) _note("a bulk claim counts what did not arrive");
            if (everFair[b][k] && _able(k, i) && paid[i] + more < tree.given[i]) _note("somebody was left out");
            if (sent < more) _note("a bulk claim sent more than it says");
            sent -= more;
        }
        if (sent != 0) _note("a bulk claim sent less than it says");
        // Who acts when it is paid may have claimed by itself meanwhile.
        if (k == ANSWERING && whole + skipped != PAYEES + 1) _note("a bulk claim counts those left out wrongly");
    }

    function wait_(uint256 seconds_) external {
        _now += seconds_ % 1 days;
        _about(0, 0);
    }

    function turn(uint256 i, uint256 mood, uint256 b, uint256 k) external {
        Payee payee = Payee(payable(payees[1 + 2 * (i % 2)]));
        (b, k) = _about(b, k);
        mood %= 6;
        if (mood == 0) payee.become(Payee.Mood.Honest, 0);
        else if (mood == 1) payee.become(Payee.Mood.Reverts, 0);
        else if (mood == 2) payee.become(Payee.Mood.BurnsGas, 0);
        else if (mood == 3) payee.become(Payee.Mood.BombOnRevert, 0);
        else if (mood == 4) payee.plan(Payee.Mood.Acts, address(books[b]), true, ""); // pays back, coin
        else {
            payee.plan(
                Payee.Mood.Acts, address(books[b]), false, _claimOf(b, k, _inForce[b][k], 1 + 2 * (i % 2))
            );
        }
    }

    /// @notice The token changes its ways, but never lowers a balance that it has reported.
    function behave(uint256 quirk, uint256 victim, uint256 number) external {
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
            Token.Quirk.None,
            Token.Quirk.Hooks
        ];
        Token token = Token(assets[1]);
        Token.Quirk q = ways[quirk % 12];
        for (uint256 i = 1; i < 4 && q == Token.Quirk.Hooks; i += 2) {
            if (!token.hooked(payees[i])) token.hook(payees[i]);
        }
        token.behave(q, payees[victim % PAYEES], q == Token.Quirk.Fee ? number % 10_000 : 1 + number % 2 ** 50);
    }

    /// @notice The answering token changes its ways.
    function answer(uint256 how, uint256 number, uint256 victim, uint256 word, uint256 length) external {
        AnsweringToken token = AnsweringToken(assets[ANSWERING]);
        token.behave(AnsweringToken.Moves(how % 3), number % 2 ** 50, victim % 8 < 5 ? payees[victim % 5] : address(0));
        length = [uint256(32), 0, 31, 1, 33, 32][length % 6];
        token.answer(word % 5 == 0, [uint256(1), 0, 2, 1 << 248, word][word % 5], length);
    }

    // ------------------------------------------------------------------ judging

    function _about(uint256 b, uint256 k) private returns (uint256, uint256) {
        vm.warp(_now);
        for (uint256 asset = 0; asset < ASSETS; ++asset) {
            if (_activeAt[1][asset] != 0 && _now >= _activeAt[1][asset]) {
                delete _activeAt[1][asset];
                _enter(1, asset, _announced[1][asset]);
            }
        }
        (atBook, atAsset) = (b % BOOKS, k % ASSETS);
        return (atBook, atAsset);
    }

    function _after(uint256 b, uint256 k) private {
        for (uint256 i = 0; i < PAYEES; ++i) {
            uint256 paid = books[b].paid(payees[i], assets[k]);
            if (paid < _paidBefore[b][k][i]) _note("what was paid fell");
            _paidBefore[b][k][i] = paid;
        }
        (, uint256 total,) = books[b].promised(assets[k]);
        if (total < _totalBefore[b][k]) _note("what was promised fell");
        _totalBefore[b][k] = total;
    }

    function _able(uint256 k, uint256 i) private view returns (bool) {
        if (k == 0) return payees[i].code.length == 0;
        if (k == ANSWERING) return _saysYes(i);
        Token token = Token(assets[1]);
        Token.Quirk q = token.quirk();
        return token.victim() != payees[i] || q == Token.Quirk.None || q == Token.Quirk.NoReturn;
    }

    function _saysYes(uint256 i) private view returns (bool) {
        AnsweringToken token = AnsweringToken(assets[ANSWERING]);
        return token.saysYes() || token.victim() != address(0) && token.victim() != payees[i];
    }

    function _moves(uint256 i) private view returns (AnsweringToken.Moves) {
        AnsweringToken token = AnsweringToken(assets[ANSWERING]);
        bool concerned = token.victim() == address(0) || token.victim() == payees[i];
        return concerned ? token.moves() : AnsweringToken.Moves.All;
    }

    function _note(string memory how) private {
        if (bytes(broken).length == 0) broken = how;
    }
}
