// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Agreement, Agreements} from "../Agreement.sol";
import {IAmendableSplit, IAmendments} from "revshare/amendable/IAmendableSplit.sol";
import {IRevenueSplitOffice} from "revshare/split/IRevenueSplit.sol";
import {IFactory} from "../IFactory.sol";
import {Shipped} from "../Shipped.sol";
import {Token} from "mocks/Token.sol";
import {vm} from "../Vm.sol";

/// @title A payee that is a contract, signs by its owner's key (ERC-1271), and refuses coin when it likes.
contract SigningPayee {
    address private immutable _OWNER;
    bool public refuses;

    constructor(address owner) {
        _OWNER = owner;
    }

    receive() external payable {
        require(!refuses, "not today");
    }

    function turn() external {
        refuses = !refuses;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        (bytes32 r, bytes32 s, uint8 v) = abi.decode(signature, (bytes32, bytes32, uint8));
        return ecrecover(digest, v, r, s) == _OWNER ? this.isValidSignature.selector : bytes4(0);
    }
}

/// @title Everything that may happen to splits whose terms change.
/// @notice Three splits: a quorum of 60 % decides over the first, unanimity over the second, a controller with a week's notice
///         over the third. What everybody has earned is reckoned here from its beginning, segment of revenue by segment, by
///         the terms that were in force for it.
contract AmendmentHandler {
    using Agreements for Agreement;

    uint256 public constant SPLITS = 3;
    uint256 public constant ASSETS = 3;
    uint256 public constant POOL = 6;
    uint256 private constant _NOTICE = 7 days;
    uint256 private constant _PROPOSAL_LIFE = 30 days;
    uint256 private constant _PLENTY = 20_000_000;
    address private constant _CONTROLLER = address(0xC0);

    IAmendableSplit[SPLITS] public splits;
    address[ASSETS] public assets;
    /// @dev Everybody is in one split's agreements only, so that what it has it has from there.
    address[POOL][SPLITS] public pool;
    bytes32[SPLITS] private _governance;

    /// @dev All terms there were, abi-encoded; the last are the newest.
    mapping(uint256 split => bytes[]) private _history;
    /// @dev Which of them are in force for an asset, and from which revenue on.
    mapping(uint256 split => mapping(uint256 asset => uint256)) public epochOf;
    mapping(uint256 split => mapping(uint256 asset => uint256)) public baseOf;
    mapping(uint256 split => mapping(uint256 asset => mapping(address payee => uint256))) private _earnedBefore;
    /// @dev What is still set aside from before the terms in force, the oldest being paid first.
    mapping(uint256 split => mapping(uint256 asset => mapping(address payee => uint256))) private _earlier;

    /// @dev What the controller has announced.
    bytes private _proposed;
    bool private _proposedListed;
    uint256 private _readyAt;
    mapping(address payee => mapping(bytes32 digest => bool)) private _revoked;
    /// @dev Amendments that were good once, with their consents.
    bytes[][SPLITS] private _spent;
    uint256 private _now = 1_700_000_000;

    uint256 public atSplit;
    uint256 public atAsset;
    string public broken;
    uint256 public amendments;

    constructor() {
        IFactory factory = IFactory(Shipped.deploy("RevenueSplitFactory"));
        assets = [address(0), address(new Token(6)), address(new Token(18))];
        for (uint256 s = 0; s < SPLITS; ++s) {
            for (uint256 i = 0; i < POOL; ++i) {
                address owner = vm.addr(_keyOf(s, i));
                pool[s][i] = i == 0 ? address(new SigningPayee(owner)) : owner;
            }
        }
        _governance[0] = bytes32(uint256(1) << 248 | uint256(6_000) << 232);
        _governance[1] = bytes32(uint256(1) << 248 | uint256(10_000) << 232);
        _governance[2] = bytes32(uint256(2) << 248 | _NOTICE << 200 | uint160(_CONTROLLER));
        for (uint256 s = 0; s < SPLITS; ++s) {
            Agreement memory a = _any(s, s);
            splits[s] = IAmendableSplit(factory.createAmendable(a.pack(), _governance[s], uint64(s)));
            _history[s].push(abi.encode(a));
        }
        vm.warp(_now);
    }

    function _keyOf(uint256 s, uint256 i) private pure returns (uint256) {
        return 1 + s * POOL + i;
    }

    /// @dev Any agreement between some of the pool; the settlement token of a split never changes.
    function _any(uint256 seed, uint256 s) private view returns (Agreement memory) {
        uint256 count = 0;
        address[] memory all = new address[](POOL);
        for (uint256 i = 0; i < POOL; ++i) {
            if (Agreements.draw(seed, "in", i) % 3 != 0) all[count++] = pool[s][i];
        }
        if (count == 0) all[count++] = pool[s][seed % POOL];
        assembly ("memory-safe") {
            mstore(all, count)
        }
        return Agreements.random(seed, assets[s % 2], all, 3, 10 ** 9);
    }

    // ------------------------------------------------------------------ what was earned

    function terms(uint256 s, uint256 epoch) public view returns (Agreement memory) {
        return abi.decode(_history[s][epoch], (Agreement));
    }

    function newest(uint256 s) public view returns (uint256) {
        return _history[s].length - 1;
    }

    function balance(uint256 k, address who) public view returns (uint256) {
        return k == 0 ? who.balance : Token(assets[k]).held(who);
    }

    function revenue(uint256 s, uint256 k) public view returns (uint256) {
        return splits[s].received(assets[k]);
    }

    /// @notice What somebody in the pool of a split has come to, in one asset.
    /// @param earned Since the beginning.
    /// @param has What it has.
    /// @param credit What is set aside for it.
    /// @param due What it gets next.
    /// @param inTerms Whether the terms in force for the asset name it; only then the rest is anything.
    /// @param earnedBefore What it had earned when these terms began to count for the asset.
    /// @param earlier What of that is still set aside.
    /// @param line What the split says of it.
    struct Account {
        uint256 earned;
        uint256 has;
        uint256 credit;
        uint256 due;
        bool inTerms;
        uint256 earnedBefore;
        uint256 earlier;
        IRevenueSplitOffice.Line line;
    }

    function accounts(uint256 s, uint256 k) external view returns (Account[POOL] memory all) {
        Agreement memory a = terms(s, epochOf[s][k]);
        (uint256 now_, IRevenueSplitOffice.Line[] memory lines) = splits[s].statement(a.pack(), assets[k]);
        for (uint256 i = 0; i < POOL; ++i) {
            address payee = pool[s][i];
            Account memory one = all[i];
            (one.earnedBefore, one.earlier) = (_earnedBefore[s][k][payee], _earlier[s][k][payee]);
            one.earned = one.earnedBefore + _inSegment(a, s, k, payee, now_);
            (one.has, one.credit) = (balance(k, payee), splits[s].credit(payee, assets[k]));
            for (uint256 n = 0; n < lines.length; ++n) {
                if (lines[n].payee == payee) (one.due, one.inTerms, one.line) = (lines[n].due, true, lines[n]);
            }
        }
    }

    function _inSegment(Agreement memory a, uint256 s, uint256 k, address payee, uint256 to)
        private
        view
        returns (uint256)
    {
        for (uint256 i = 0; i < a.payees.length; ++i) {
            if (a.payees[i] == payee) {
                return a.entitlementSince(i, assets[k], baseOf[s][k], to);
            }
        }
        return 0;
    }

    /// @dev The terms in force for an asset have seen all its revenue so far; the next ones take over.
    function _closeSegment(uint256 s, uint256 k, uint256 to) private {
        if (epochOf[s][k] == newest(s)) return;
        Agreement memory a = terms(s, epochOf[s][k]);
        for (uint256 i = 0; i < POOL; ++i) {
            _earnedBefore[s][k][pool[s][i]] += _inSegment(a, s, k, pool[s][i], to);
            _earlier[s][k][pool[s][i]] = splits[s].credit(pool[s][i], assets[k]);
        }
        (epochOf[s][k], baseOf[s][k]) = (epochOf[s][k] + 1, to);
    }

    // ------------------------------------------------------------------ money

    function fund(uint256 s, uint256 k, uint256 amount) external {
        (s, k) = _about(s, k);
        amount = 1 + (amount >> 8) % 2 ** (amount % 256 % 90);
        if (k == 0) vm.deal(address(splits[s]), address(splits[s]).balance + amount);
        else Token(assets[k]).mint(address(splits[s]), amount);
    }

    function distribute(uint256 s, uint256 k) external {
        (s, k) = _about(s, k);
        uint256 to = revenue(s, k);
        try splits[s].distribute{gas: _PLENTY}(terms(s, epochOf[s][k]).pack(), assets[k]) {
            _closeSegment(s, k, to);
        } catch {
            _note("a distribution was blocked");
        }
    }

    function distributeByOtherTerms(uint256 s, uint256 k, uint256 epoch) external {
        (s, k) = _about(s, k);
        epoch %= newest(s) + 1;
        bytes memory shown = terms(s, epoch).pack();
        if (keccak256(shown) == keccak256(terms(s, epochOf[s][k]).pack())) return;
        try splits[s].distribute{gas: _PLENTY}(shown, assets[k]) {
            _note("terms that are not in force were taken");
        } catch {}
    }

    function claim(uint256 s, uint256 k, uint256 i) external {
        (s, k) = _about(s, k);
        Agreement memory a = terms(s, epochOf[s][k]);
        i %= a.payees.length;
        try splits[s].claim{gas: _PLENTY}(a.payees[i], a.proof(i), assets[k]) {} catch {}
    }

    /// @notice A payee's credit is paid, or the payee takes part of it.
    function withdraw(uint256 s, uint256 k, uint256 i, uint256 part) external {
        (s, k) = _about(s, k);
        address payee = pool[s][i % POOL];
        uint256 credit = splits[s].credit(payee, assets[k]);
        if (part % 2 == 0) {
            try splits[s].withdrawCredit{gas: _PLENTY}(payee, assets[k]) {
                _earlier[s][k][payee] = 0;
            } catch {}
        } else {
            part %= credit + 1;
            vm.prank(payee);
            try splits[s].redirectCredit{gas: _PLENTY}(payee, assets[k], part) {
                uint256 earlier = _earlier[s][k][payee];
                _earlier[s][k][payee] = earlier > part ? earlier - part : 0;
            } catch {}
        }
    }

    /// @notice Somebody cannot be paid for a while.
    function obstruct(uint256 s, uint256 k, uint256 who) external {
        (s, k) = _about(s, k);
        if (k == 0) SigningPayee(payable(pool[s][0])).turn();
        else Token(assets[k]).behave(who % 3 == 0 ? Token.Quirk.None : Token.Quirk.Blacklist, pool[s][who % POOL], 0);
    }

    // ------------------------------------------------------------------ amendments

    /// @notice Some payees sign new terms for one of the first two splits.
    function amend(uint256 s, uint256 seed, uint256 signers, bool listed, uint256 flaw) external {
        s %= 2;
        _about(s, Agreements.draw(seed, "asset", 0));
        Agreement memory from = terms(s, newest(s));
        // Sometimes back to what was before: then old consents name the right terms again.
        Agreement memory to = seed % 3 == 0 ? terms(s, seed % (newest(s) + 1)) : _any(seed, s);
        // Mostly everybody signs, or there would be few amendments.
        if (signers % 3 != 0) signers = type(uint256).max;
        flaw %= 14;
        uint256 deadline = flaw == 0 ? _now - 1 : _now + 3650 days;
        // Consents name the tokens that are settled first: in the sixth flawed set others than those that are handed in.
        address[] memory signedFor = _list(flaw == 5 ? !listed : listed);
        bytes32 digest = splits[s].amendmentDigest(flaw == 2 ? bytes32(0) : to.commitment(), signedFor, deadline);
        (IAmendments.Consent[] memory consents, bool enough) = _consents(s, from, to, signers >> 2, digest, flaw);
        if (flaw == 4 && consents.length != 0) _revoke(s, from.payees[consents[0].index], digest);
        if (flaw < 6) enough = false;
        bytes memory data = abi.encodeCall(
            IAmendments.amend,
            (from.pack(), to.pack(), _list(listed), consents, flaw == 1 ? deadline + 1 : deadline)
        );
        _amend(s, data, to, listed, enough);
        if (enough) _spent[s].push(data);
    }

    function _revoke(uint256 s, address payee, bytes32 digest) private {
        vm.prank(payee);
        splits[s].revokeConsent(digest);
        _revoked[payee][digest] = true;
        if (!splits[s].isRevoked(payee, digest)) _note("a consent could not be revoked");
    }

    /// @notice Consents that were good once are handed in again.
    function replay(uint256 s) external {
        s %= 2;
        (atSplit, atAsset) = (s, 0);
        for (uint256 n = 0; n < _spent[s].length; ++n) {
            (bool done,) = address(splits[s]).call{gas: _PLENTY}(_spent[s][n]);
            if (done) _note("consents were used twice");
            // On the other split they are worth nothing, either.
            (done,) = address(splits[1 - s]).call{gas: _PLENTY}(_spent[s][n]);
            if (done) _note("consents were good for another split");
        }
    }

    function propose(uint256 seed, bool listed, bool byController) external {
        (atSplit, atAsset) = (2, 0);
        Agreement memory to = _any(seed, 2);
        vm.prank(byController ? _CONTROLLER : pool[2][1]);
        try splits[2].proposeAmendment(terms(2, newest(2)).pack(), to.pack(), _list(listed)) {
            if (!byController) _note("somebody else proposed");
            (_proposed, _proposedListed, _readyAt) = (abi.encode(to), listed, _now + _NOTICE);
            (bytes32 commitment, uint256 readyAt, uint256 until) = splits[2].proposal();
            if (commitment != to.commitment() || readyAt != _readyAt || until != _readyAt + _PROPOSAL_LIFE) {
                _note("something else was announced");
            }
        } catch {
            if (byController) _note("the controller could not propose");
        }
    }

    function takeBack(bool byController) external {
        (atSplit, atAsset) = (2, 0);
        vm.prank(byController ? _CONTROLLER : pool[2][1]);
        try splits[2].withdrawAmendment() {
            if (!byController || _proposed.length == 0) _note("a proposal was taken back");
            delete _proposed;
        } catch {
            if (byController && _proposed.length != 0) _note("the controller could not take its proposal back");
        }
    }

    /// @notice Anybody puts in force what was announced, or something else; in time, too early or too late.
    function apply_(uint256 seed, bool listed, bool other) external {
        (atSplit, atAsset) = (2, seed % ASSETS);
        bool announced = _proposed.length != 0;
        Agreement memory to = announced && !other ? abi.decode(_proposed, (Agreement)) : _any(seed, 2);
        bool same = announced && keccak256(abi.encode(to)) == keccak256(_proposed);
        bytes memory data = abi.encodeCall(
            IAmendments.amend,
            (terms(2, newest(2)).pack(), to.pack(), _list(listed), new IAmendments.Consent[](0), 0)
        );
        same = same && listed == _proposedListed;
        _amend(2, data, to, listed, same && _now >= _readyAt && _now <= _readyAt + _PROPOSAL_LIFE);
    }

    function wait_(uint256 seconds_) external {
        // Now and then so long that what was announced expires.
        _now += seconds_ % 8 == 0 ? 38 days : seconds_ % (5 days);
        vm.warp(_now);
    }

    /// @dev All of them, or those that need not be listed.
    function _list(bool listed) private view returns (address[] memory tokens) {
        tokens = new address[](listed ? 3 : 0);
        if (listed) (tokens[0], tokens[1], tokens[2]) = (assets[2], assets[1], assets[2]);
    }

    function _amend(uint256 s, bytes memory data, Agreement memory to, bool listed, bool good) private {
        uint256[ASSETS] memory before;
        for (uint256 k = 0; k < ASSETS; ++k) {
            before[k] = revenue(s, k);
        }
        uint256 last = newest(s);
        (bool done,) = address(splits[s]).call{gas: _PLENTY}(data);
        if (done != good) _note(done ? "an amendment went through without consent" : "an amendment was blocked");
        if (!done) return;
        ++amendments;
        if (s == 2) delete _proposed;
        _history[s].push(abi.encode(to));
        if (splits[s].epoch() != last + 1 || splits[s].commitment() != to.commitment()) _note("other terms came in force");
        for (uint256 k = 0; k < ASSETS; ++k) {
            // An asset that had fallen behind before stays behind: it needs older terms than those shown.
            bool settled = (listed || k == 0 || k == s % 2) && epochOf[s][k] == last;
            if (settled) _closeSegment(s, k, before[k]);
        }
    }

    /// @dev Signatures of the payees whose bits are set, spoilt by a flaw; and whether they are enough.
    function _consents(
        uint256 s,
        Agreement memory from,
        Agreement memory to,
        uint256 signers,
        bytes32 digest,
        uint256 flaw
    ) private view returns (IAmendments.Consent[] memory consents, bool enough) {
        consents = new IAmendments.Consent[](from.payees.length);
        uint256 last = from.untils.length - 1;
        uint256 count = 0;
        uint256 signed = 0;
        enough = true;
        for (uint256 i = 0; i < from.payees.length; ++i) {
            if (signers >> i & 1 == 0) {
                if (s == 1 && _getsWorse(i, from, to)) enough = false;
                continue;
            }
            if (_revoked[from.payees[i]][digest]) enough = false;
            signed += from.weights[last][i];
            consents[count].index = i;
            // In the flawed set one payee's consent is somebody else's.
            consents[count].signature = _sign(s, from.payees[i], flaw == 3 && count == 0, digest);
            ++count;
        }
        assembly ("memory-safe") {
            mstore(consents, count)
        }
        if (signed * 10_000 < from.total(last) * (s == 0 ? 6_000 : 10_000)) enough = false;
    }

    function _sign(uint256 s, address payee, bool forged, bytes32 digest) private view returns (bytes memory) {
        uint256 i = 0;
        while (pool[s][i] != payee) ++i;
        (uint8 v, bytes32 r, bytes32 s_) = vm.sign(forged ? 77 : _keyOf(s, i), digest);
        return i == 0 ? abi.encode(r, s_, v) : abi.encodePacked(r, s_, v);
    }

    /// @dev Plainly: the same tiers, and in each at least the same share; all else is worse.
    function _getsWorse(uint256 i, Agreement memory from, Agreement memory to) private pure returns (bool) {
        if (from.untils.length != to.untils.length) return true;
        for (uint256 j = 0; j < to.payees.length; ++j) {
            if (to.payees[j] != from.payees[i]) continue;
            for (uint256 t = 0; t < from.untils.length; ++t) {
                if (from.untils[t] != to.untils[t]) return true;
                if (to.weights[t][j] * from.total(t) < from.weights[t][i] * to.total(t)) return true;
            }
            return false;
        }
        return true;
    }

    function _about(uint256 s, uint256 k) private returns (uint256, uint256) {
        (atSplit, atAsset) = (s % SPLITS, k % ASSETS);
        return (atSplit, atAsset);
    }

    function _note(string memory how) private {
        if (bytes(broken).length == 0) broken = how;
    }
}
