// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Agreement, Agreements} from "../Agreement.sol";
import {Chance} from "../Chance.sol";
import {IFactory} from "../IFactory.sol";
import {IRevenueSplit, IRevenueSplitOffice, IRevenueSplitEvents} from "revshare/split/IRevenueSplit.sol";
import {Payee} from "mocks/Payee.sol";
import {Shipped} from "../Shipped.sol";
import {Terms} from "revshare/lib/Terms.sol";
import {Token} from "mocks/Token.sol";
import {vm} from "../Vm.sol";

/// @title Any agreement, any amounts, any order: the contract against the money rule as Agreement.sol states it.
contract RevenueSplitFuzz {
    using Agreements for Agreement;

    uint256 private constant _MAX = 2 ** 127 - 1;

    IFactory private _factory;
    Token private _token;
    address[6] private _hungry;

    /// @dev What is costly to make is made once: every run begins from here.
    function setUp() external {
        _factory = IFactory(Shipped.deploy("RevenueSplitFactory"));
        _token = new Token(6);
        for (uint256 i = 0; i < 6; ++i) {
            _hungry[i] = address(new Payee());
        }
    }

    // ------------------------------------------------------------------ helpers

    function _draw(uint256 seed, string memory what, uint256 n) private pure returns (uint256) {
        return Agreements.draw(seed, what, n);
    }

    /// @dev Anybody, above the precompiles; no two alike.
    function _people(uint256 seed, uint256 most) private pure returns (address[] memory who) {
        who = new address[](1 + _draw(seed, "payees", 0) % most);
        for (uint256 i = 0; i < who.length; ++i) {
            who[i] = address(uint160(_draw(seed, "payee", i)));
        }
    }

    function _any(uint256 seed, address token) private pure returns (Agreement memory) {
        return Agreements.random(seed, token, _people(seed, 10), 4, 10 ** 12);
    }

    function _create(Agreement memory a) private returns (IRevenueSplit) {
        return IRevenueSplit(_factory.create(a.pack(), 0));
    }

    /// @dev From one unit to 2^`bits`, every magnitude alike.
    function _amount(uint256 seed, string memory what, uint256 n, uint256 bits) private pure returns (uint256) {
        uint256 number = _draw(seed, what, n);
        return 1 + (number >> 8) % 2 ** (number % 256 % bits);
    }

    function _give(address token, address to, uint256 amount) private {
        if (token == address(0)) vm.deal(to, to.balance + amount);
        else Token(token).mint(to, amount);
    }

    function _balance(address token, address who) private view returns (uint256) {
        return token == address(0) ? who.balance : Token(token).held(who);
    }

    function _refuses(address target, bytes memory data, bytes memory why) private {
        (bool done, bytes memory answer) = target.call(data);
        require(!done, "it was accepted");
        require(keccak256(answer) == keccak256(why), "it was refused for another reason");
    }

    // ------------------------------------------------------------------ the money rule

    function _whollyRight(Agreement memory a, address token, uint256 revenue) private {
        IRevenueSplit split = _create(a);
        _give(token, address(split), revenue);
        (uint256 counted, IRevenueSplitOffice.Line[] memory lines) = split.statement(a.pack(), token);
        require(counted == revenue, "revenue");
        uint256 sum = 0;
        for (uint256 i = 0; i < lines.length; ++i) {
            uint256 earned = a.entitlement(i, token, revenue);
            require(lines[i].entitlement == earned && lines[i].due == earned, "entitlement");
            sum += earned;
        }
        require(sum <= revenue && revenue - sum <= a.dustBound(token), "dust");
        (uint256 sent, uint256 credited) = split.distribute(a.pack(), token);
        require(sent == sum && credited == 0, "sent");
        for (uint256 i = 0; i < lines.length; ++i) {
            require(_balance(token, a.payees[i]) == lines[i].due, "what arrived");
        }
        require(_balance(token, address(split)) == revenue - sum, "what is left");
    }

    function testFuzz_entitlementsInTheSettlementCoin(uint256 seed) external {
        _whollyRight(_any(seed, address(0)), address(0), _amount(seed, "revenue", 0, 127));
    }

    function testFuzz_entitlementsInTheSettlementToken(uint256 seed) external {
        address token = address(_token);
        _whollyRight(_any(seed, token), token, _amount(seed, "revenue", 0, 127));
    }

    function testFuzz_entitlementsInAnotherToken(uint256 seed) external {
        _whollyRight(_any(seed, address(0)), address(_token), _amount(seed, "revenue", 0, 127));
    }

    /// @notice Whole tokens, of every precision there is.
    function testFuzz_decimals(uint256 seed, uint64 whole) external {
        uint8[5] memory all = [0, 2, 6, 18, 24];
        uint8 decimals = all[seed % 5];
        Token token = new Token(decimals);
        Agreement memory a = _any(seed, address(token));
        _whollyRight(a, address(token), uint256(whole) % 10 ** 14 * 10 ** decimals);
    }

    /// @notice Up to the very edge of what is counted; nothing overflows, and beyond it nothing is lost.
    function testFuzz_hugeRevenue(uint256 seed, uint256 below) external {
        Token token = _token;
        Agreement memory a =
            Agreements.random(seed, seed % 2 == 0 ? address(token) : address(0), _people(seed, 10), 8, _MAX - 10);
        _whollyRight(a, address(token), _MAX - below % 1_000);
    }

    function testFuzz_revenueBeyondTheEdge(uint256 seed, uint256 beyond) external {
        Token token = _token;
        Agreement memory a = _any(seed, address(token));
        IRevenueSplit split = _create(a);
        token.set(address(split), beyond < _MAX ? _MAX + beyond : beyond);
        for (uint256 times = 0; times < 2; ++times) {
            split.distribute(a.pack(), address(token));
            require(split.received(address(token)) == _MAX, "counted");
            for (uint256 i = 0; i < a.payees.length; ++i) {
                require(token.held(a.payees[i]) == a.entitlement(i, address(token), _MAX), "what arrived");
            }
        }
    }

    // ------------------------------------------------------------------ paths

    /// @notice However revenue is cut up, and whoever is paid when: in the end everybody has its entitlement.
    function testFuzz_pathsDoNotMatter(uint256 seed) external {
        address token = seed % 3 == 0 ? address(0) : address(_token);
        Agreement memory a = _any(seed, seed % 3 == 2 ? address(0) : token);
        IRevenueSplit split = _create(a);
        uint256 revenue = 0;
        for (uint256 step = 0; step < 12; ++step) {
            uint256 amount = _amount(seed, "chunk", step, 60);
            _give(token, address(split), amount);
            revenue += amount;
            uint256 what = _draw(seed, "what", step) % 4;
            if (what == 0) split.distribute(a.pack(), token);
            if (what > 1) {
                uint256 i = _draw(seed, "who", step) % a.payees.length;
                bytes memory claim = abi.encodeCall(split.claim, (a.payees[i], a.proof(i), token));
                uint256 due = split.due(a.payees[i], a.pack(), token);
                (bool done,) = address(split).call(claim);
                require(done == (due != 0), "a claim goes through when something is due");
            }
        }
        split.distribute(a.pack(), token);
        for (uint256 i = 0; i < a.payees.length; ++i) {
            require(_balance(token, a.payees[i]) == a.entitlement(i, token, revenue), "the path mattered");
        }
    }

    /// @notice A payment in small change starves nobody: with every unit distributed by itself, the sums are the same.
    function testFuzz_unitByUnit(uint256 seed) external {
        Agreement memory a = Agreements.random(seed, address(0), _people(seed, 5), 3, 30);
        IRevenueSplit split = _create(a);
        uint256 revenue = 1 + seed % 40;
        for (uint256 n = 0; n < revenue; ++n) {
            _give(address(0), address(split), 1);
            split.distribute(a.pack(), address(0));
        }
        for (uint256 i = 0; i < a.payees.length; ++i) {
            require(a.payees[i].balance == a.entitlement(i, address(0), revenue), "somebody was starved");
        }
    }

    /// @notice Money sent before the split exists is revenue like any other.
    function testFuzz_paidBeforeItExists(uint256 seed, uint64 salt) external {
        Agreement memory a = _any(seed, address(0));
        address place = _factory.predict(a.pack(), salt);
        _give(address(0), place, 1_000_003);
        require(!_factory.isSplit(place), "a split that is not there yet");
        require(_factory.create(a.pack(), salt) == place, "another place than predicted");
        require(_factory.isSplit(place), "the factory does not know its own");
        IRevenueSplit(place).distribute(a.pack(), address(0));
        for (uint256 i = 0; i < a.payees.length; ++i) {
            require(a.payees[i].balance == a.entitlement(i, address(0), 1_000_003), "what arrived");
        }
    }

    /// @notice The factory knows its own splits by their code, and takes no copy, and no code changed by a bit, for one.
    function testFuzz_theFactoryKnowsItsOwn(uint256 seed, address elsewhere, uint64 salt) external {
        Agreement memory a = _any(seed, address(0));
        bytes32 governance = bytes32(uint256(1) << 248 | (1 + seed % 10_000) << 232);
        address split = seed % 2 == 0 ? _factory.create(a.pack(), salt) : _factory.createAmendable(a.pack(), governance, salt);
        require(_factory.isSplit(split), "the factory does not know its own");
        // Its own address is made of all that is in its code, so the code counts there and nowhere else.
        if (elsewhere.code.length != 0 || uint160(elsewhere) <= 0x100) return;
        bytes memory code = split.code;
        vm.etch(elsewhere, code);
        require(!_factory.isSplit(elsewhere), "a copy is taken for a split");
        Chance.flip(code, Chance.draw(seed, "flip"));
        vm.etch(elsewhere, code);
        require(!_factory.isSplit(elsewhere), "other code is taken for a split");
        vm.etch(elsewhere, Chance.bytesOf(seed, seed % 3 == 0 ? 96 : seed % 3 == 1 ? 134 : seed % 300));
        require(!_factory.isSplit(elsewhere), "any code is taken for a split");
    }

    // ------------------------------------------------------------------ terms and proofs

    /// @notice Commitment and proofs are as lib/Terms.sol describes them, on every number of pages.
    function testFuzz_commitmentAndProofs(uint256 seed) external {
        Agreement memory a = Agreements.random(seed, address(0), _people(seed, 34), 3, 1_000);
        IRevenueSplit split = _create(a);
        require(split.commitment() == a.commitment() && split.verify(a.pack()), "commitment");
        _give(address(0), address(split), 10 ** 30);
        for (uint256 i = 0; i < a.payees.length; i += 1 + seed % 9) {
            bytes memory proof = a.proof(i);
            require(keccak256(split.proofOf(a.payees[i], a.pack())) == keccak256(proof), "proof");
            uint256 earned = a.entitlement(i, address(0), 10 ** 30);
            if (earned != 0) {
                require(split.claim(a.payees[i], proof, address(0)) == earned, "claimed");
            }
        }
    }

    /// @notice Terms with a bit changed, cut off, continued or out of order open nothing.
    function testFuzz_forgedTerms(uint256 seed, uint256 place, uint8 bit) external {
        Agreement memory a = _any(seed, address(0));
        IRevenueSplit split = _create(a);
        _give(address(0), address(split), 10 ** 18);
        bytes memory forged = a.pack();
        if (place % 4 == 0) {
            uint256 length = (place >> 2) % forged.length;
            assembly ("memory-safe") {
                mstore(forged, length)
            }
        } else if (place % 4 == 1) {
            forged = bytes.concat(forged, bytes32(seed));
        } else {
            place %= forged.length;
            forged[place] = bytes1(uint8(forged[place]) ^ uint8(1 << (bit % 8)));
        }
        (bool done,) = address(split).call(abi.encodeCall(split.distribute, (forged, address(0))));
        require(!done && !split.verify(forged), "forged terms were taken");
        // A proof is not terms, and terms are no proof.
        (done,) = address(split).call(abi.encodeCall(split.distribute, (a.proof(0), address(0))));
        require(!done, "a proof was taken for terms");
        (done,) = address(split).call(abi.encodeCall(split.claim, (a.payees[0], a.pack(), address(0))));
        require(!done, "terms were taken for a proof");
        require(address(split).balance == 10 ** 18, "money moved");
    }

    /// @notice Nobody is paid by a proof of whatever shape but the payee's own.
    function testFuzz_anyBytesAsProof(uint256 seed, address who, bytes calldata proof) external {
        Agreement memory a = _any(seed, address(0));
        IRevenueSplit split = _create(a);
        _give(address(0), address(split), 10 ** 18);
        (bool done,) = address(split).call(abi.encodeCall(split.claim, (who, proof, address(0))));
        require(!done, "any bytes are a proof");
        (done,) = address(split).call(abi.encodeCall(split.claim, (who, bytes.concat(a.header(), proof), address(0))));
        require(!done, "any bytes behind the header are a proof");
    }

    function testFuzz_badTermsMakeNoSplit(uint256 seed) external {
        Agreement memory a = Agreements.random(seed, address(0), _people(seed, 9), 4, 1_000);
        uint256 n = a.payees.length;
        uint256 i = _draw(seed, "i", 0) % n;
        uint256 t = _draw(seed, "t", 0) % a.untils.length;
        uint256 what = _draw(seed, "what", 0) % 7;
        bytes memory why;
        if (what == 0) {
            for (uint256 u = 0; u < a.untils.length; ++u) {
                a.weights[u][i] = 0;
            }
            why = abi.encodeWithSelector(Terms.PayeeWithoutWeight.selector, i);
        } else if (what == 1) {
            a.payees[i] = i == 0 ? address(0) : a.payees[i - 1];
            why = abi.encodeWithSelector(Terms.PayeeOutOfOrder.selector, i);
        } else if (what == 2) {
            bool last = t + 1 == a.untils.length;
            a.untils[t] = last ? 1 + seed % 2 ** 100 : t == 0 ? 0 : a.untils[t - 1];
            why = abi.encodeWithSelector(Terms.TierOutOfOrder.selector, t);
        } else if (what == 3 && a.untils.length > 1) {
            t = a.untils.length - 2;
            a.untils[t] = _MAX + seed % 10;
            why = abi.encodeWithSelector(Terms.TierOutOfOrder.selector, t);
        } else {
            what = 4;
        }
        bytes memory terms = a.pack();
        if (what == 4) {
            // The stated total is one off.
            uint256 end = 22 * (2 + t) - 1;
            uint256 total = a.total(t);
            uint256 stated = total ^ 1;
            terms[end] = bytes1(uint8(stated));
            why = abi.encodeWithSelector(Terms.TierTotal.selector, t, stated, total);
        }
        _refuses(address(_factory), abi.encodeCall(_factory.create, (terms, 0)), why);
        _refuses(address(_factory), abi.encodeCall(_factory.predict, (terms, 0)), why);
    }

    // ------------------------------------------------------------------ hostile payees

    /// @notice Whatever is done with gas, a payee that is able to receive is paid or nothing happens. Picky ones refuse at once
    ///         when they get less than they want, and give the rest back: with that a failure could be forged.
    function testFuzz_failuresAreNotForged(uint256 seed, uint256 gas_) external {
        address[] memory who = new address[](6);
        for (uint256 i = 0; i < 6; ++i) {
            who[i] = _hungry[i];
            Payee payee = Payee(payable(who[i]));
            uint256 mood = _draw(seed, "mood", i) % 6;
            if (mood == 0) payee.become(Payee.Mood.BurnsGas, 0);
            else if (mood == 1) payee.become(Payee.Mood.Hungry, uint64(_draw(seed, "hunger", i) % 40_000));
            else if (mood == 2) payee.become(Payee.Mood.Picky, uint64(_draw(seed, "least", i) % 45_000));
            else payee.become(Payee.Mood.Honest, 0);
        }
        // Where something else is the settlement token, payments in coin are made one by one.
        address settlement = gas_ % 3 == 0 ? address(_token) : address(0);
        Agreement memory a = Agreements.random(seed, settlement, who, 2, 1_000);
        IRevenueSplit split = _create(a);
        _give(address(0), address(split), 10 ** 9);
        uint256 most = settlement == address(0) ? 300_000 : 1_400_000;
        (bool done,) = address(split).call{gas: 30_000 + (gas_ >> 2) % most}(
            abi.encodeCall(split.distribute, (a.pack(), address(0)))
        );
        for (uint256 i = 0; i < 6; ++i) {
            bool able = Payee(payable(a.payees[i])).mood() != Payee.Mood.BurnsGas;
            uint256 earned = a.entitlement(i, address(0), 10 ** 9);
            uint256 credit = split.credit(a.payees[i], address(0));
            require(a.payees[i].balance == (done && able ? earned : 0), "what arrived");
            require(credit == (done && !able ? earned : 0), "what was set aside");
        }
    }

    /// @notice The token's failures count only with all its gas, too: of the settlement token, and of others, whose payments are
    ///         made one by one.
    function testFuzz_tokenFailuresAreNotForged(uint256 seed, uint256 gas_, bool settled) external {
        Token token = _token;
        Agreement memory a = Agreements.random(seed, settled ? address(token) : address(0), _people(seed, 4), 2, 1_000);
        IRevenueSplit split = _create(a);
        token.mint(address(split), 10 ** 9);
        token.behave(Token.Quirk.Picky, a.payees[seed % a.payees.length], 30_000 + seed % 160_000);
        (bool done,) = address(split).call{gas: 50_000 + gas_ % (settled ? 350_000 : 1_400_000)}(
            abi.encodeCall(split.distribute, (a.pack(), address(token)))
        );
        for (uint256 i = 0; i < a.payees.length; ++i) {
            require(split.credit(a.payees[i], address(token)) == 0, "credited, though it could have been paid");
            uint256 earned = a.entitlement(i, address(token), 10 ** 9);
            require(token.held(a.payees[i]) == (done ? earned : 0), "what arrived");
        }
    }

    // ------------------------------------------------------------------ revenue that falls

    /// @notice A claim whose mark lies beyond a later, lower revenue is remembered: whatever is distributed at the lower
    ///         revenue, and however it recovers, nobody is paid twice and the others lose nothing.
    function testFuzz_aClaimBeyondALaterMarkIsRemembered(uint256 seed, uint256 first, uint256 down, uint256 up) external {
        Token token = _token;
        Agreement memory a = Agreements.random(seed, address(token), _people(seed, 6), 3, 10 ** 9);
        IRevenueSplit split = _create(a);
        first = 1 + first % 10 ** 12;
        token.mint(address(split), first);
        uint256 claimants = 0;
        for (uint256 i = 0; i < a.payees.length; ++i) {
            if (_draw(seed, "claims", i) % 2 == 0 && a.entitlement(i, address(token), first) != 0) {
                split.claim(a.payees[i], a.proof(i), address(token));
                ++claimants;
            }
        }
        uint256 held = token.held(address(split));
        down %= held + 1;
        token.set(address(split), held - down); // revenue is first - down now
        split.distribute(a.pack(), address(token));
        if (seed % 2 == 0) split.distribute(a.pack(), address(token));
        up %= 2 * first;
        token.mint(address(split), up);
        split.distribute(a.pack(), address(token));
        token.mint(address(split), down + first); // made good, and more
        split.distribute(a.pack(), address(token));

        uint256 revenue = first - down + up + down + first;
        require(split.received(address(token)) == revenue, "revenue");
        for (uint256 i = 0; i < a.payees.length; ++i) {
            if (split.credit(a.payees[i], address(token)) != 0) split.withdrawCredit(a.payees[i], address(token));
        }
        for (uint256 i = 0; i < a.payees.length; ++i) {
            require(token.held(a.payees[i]) == a.entitlement(i, address(token), revenue), "paid twice, or not at all");
        }
    }

    // ------------------------------------------------------------------ ids

    function testFuzz_idsAreUsedOnce(address payer, address other, bytes32 id, uint96 amount) external {
        if (payer == other || payer == address(0) || other == address(0) || amount == 0) return;
        address[] memory who = new address[](1);
        who[0] = address(0x9A1);
        Agreement memory a = Agreements.blank(address(0), who, 1);
        a.weights[0][0] = 1;
        IRevenueSplit split = _create(a);
        vm.deal(payer, 4 * uint256(amount));
        vm.deal(other, uint256(amount));
        bytes memory sale = abi.encodeCall(split.pay, (id, address(0), amount));
        vm.prank(payer);
        split.pay{value: amount}(id, address(0), amount);
        vm.prank(payer);
        (bool done, bytes memory why) = address(split).call{value: amount}(sale);
        require(!done && bytes4(why) == IRevenueSplitEvents.AlreadyPaid.selector, "a sale was paid twice");
        vm.prank(payer);
        split.remit{value: amount}(id, address(0), amount, 0, 1);
        vm.prank(payer);
        (done,) = address(split).call{value: amount}(
            abi.encodeCall(split.remit, (id, address(0), amount, bytes32(uint256(1)), 1))
        );
        require(!done, "a batch was paid twice");
        vm.prank(other);
        split.pay{value: amount}(id, address(0), amount);
        require(split.received(address(0)) == 3 * uint256(amount), "revenue");
    }

    // ------------------------------------------------------------------ splits of splits

    /// @notice A split among the payees of another passes on what it gets by its own terms.
    function testFuzz_nested(uint256 seed, uint96 revenue) external {
        seed >>= 1;
        Agreement memory inner = _any(seed, address(0));
        IRevenueSplit child = _create(inner);
        address[] memory who = _people(seed + 1, 5);
        who[0] = address(child);
        Agreement memory outer = Agreements.random(seed + 1, address(0), who, 3, 10 ** 12);
        IRevenueSplit parent = _create(outer);
        vm.deal(address(parent), revenue);
        parent.distribute(outer.pack(), address(0));
        child.distribute(inner.pack(), address(0));
        uint256 place = 0;
        while (outer.payees[place] != address(child)) ++place;
        uint256 passed = outer.entitlement(place, address(0), revenue);
        require(child.received(address(0)) == passed, "what was passed on");
        for (uint256 i = 0; i < inner.payees.length; ++i) {
            require(inner.payees[i].balance == inner.entitlement(i, address(0), passed), "what arrived");
        }
    }
}
