// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAmendableSplit, IAmendments} from "revshare/amendable/IAmendableSplit.sol";
import {IFactory} from "./SplitProof.sol";
import {PlainTerms} from "tests/reference/PlainTerms.sol";
import {Shipped} from "./Shipped.sol";
import {Signer} from "./Signer.sol";
import {anyOf, both, either, svm, vm} from "./Cheats.sol";

/// @title Amendable splits of five payees, on two pages, and two tiers: one of each governance, in any state.
/// @dev The payees stand at known addresses and sign whatever they like; the weights, the tiers and the settlement token
///      of their terms may be anything, as may all of the new terms but their shape: as many bytes, two tiers. Nothing is
///      asked of the terms in force but that the split says they are: so the totals are what they state, sums or not.
abstract contract AnyAmendment {
    uint256 internal constant PAYEES = 5;
    uint256 internal constant QUORUM = 6667;
    uint32 internal constant NOTICE = 7 days;

    /// @dev The terms that may be in force, the new ones, and what is asked along with them. In memory: what is unknown and
    ///      kept in storage costs every question that comes after.
    struct Amendment {
        uint256[PAYEES][2] weights;
        uint256[2] untils;
        uint256[2] totals;
        address settlement;
        bytes oldTerms;
        bytes newTerms;
        address[] tokens;
        uint256 deadline;
        uint256 time;
    }

    IFactory internal factory = IFactory(Shipped.deploy("RevenueSplitFactory", ""));
    PlainTerms internal plain = new PlainTerms();
    Signer[PAYEES] internal payees;
    IAmendableSplit internal quorate;
    IAmendableSplit internal unanimous;
    IAmendableSplit internal controlled;
    bytes internal first;

    constructor() {
        bytes memory entries;
        for (uint256 i = 0; i < PAYEES; ++i) {
            payees[i] = new Signer();
            entries = bytes.concat(entries, bytes20(address(payees[i])), bytes4(uint32(i + 1)), bytes4(uint32(1)));
        }
        first = bytes.concat(
            bytes22(uint176(2)), bytes16(uint128(1000)), bytes6(uint48(15)), bytes16(0), bytes6(uint48(5)), entries
        );
        quorate = IAmendableSplit(factory.createAmendable(first, _ofQuorum(QUORUM), 0));
        unanimous = IAmendableSplit(factory.createAmendable(first, _ofQuorum(10_000), 0));
        controlled = IAmendableSplit(
            factory.createAmendable(
                first, bytes32(bytes.concat(hex"020000", bytes4(NOTICE), hex"0000000000", bytes20(address(this)))), 0
            )
        );
    }

    function _ofQuorum(uint256 quorum) private pure returns (bytes32) {
        return bytes32(bytes.concat(hex"01", bytes2(uint16(quorum))));
    }

    function _anyAmendment(IAmendableSplit split, uint256 tokens) internal returns (Amendment memory a) {
        svm.enableSymbolicStorage(address(split));
        a.time = svm.createUint256("time");
        vm.assume(a.time < 2 ** 63);
        vm.warp(a.time);
        a.deadline = svm.createUint256("deadline");
        a.tokens = new address[](tokens);
        for (uint256 i = 0; i < tokens; ++i) {
            a.tokens[i] = svm.createAddress("token");
        }
        _anyOldTerms(a);
        a.newTerms = bytes.concat(svm.createBytes(21, "new"), hex"02", svm.createBytes(184, "new"));
    }

    function _anyOldTerms(Amendment memory a) private {
        a.settlement = svm.createAddress("settlement");
        bytes memory packed = bytes.concat(hex"00", bytes20(a.settlement), hex"02");
        for (uint256 t = 0; t < 2; ++t) {
            a.untils[t] = uint128(svm.createUint256("until"));
            a.totals[t] = uint48(svm.createUint256("total"));
            packed = bytes.concat(packed, bytes16(uint128(a.untils[t])), bytes6(uint48(a.totals[t])));
        }
        for (uint256 i = 0; i < PAYEES; ++i) {
            packed = bytes.concat(packed, bytes20(address(payees[i])));
            for (uint256 t = 0; t < 2; ++t) {
                a.weights[t][i] = uint32(svm.createUint256("weight"));
                packed = bytes.concat(packed, bytes4(uint32(a.weights[t][i])));
            }
        }
        a.oldTerms = packed;
    }

    /// @dev Consents of any payees, in any order, as often as anybody likes.
    function _anyConsents(uint256 count) internal returns (IAmendments.Consent[] memory consents) {
        consents = new IAmendments.Consent[](count);
        for (uint256 i = 0; i < count; ++i) {
            consents[i] = IAmendments.Consent(svm.createUint256("index"), "");
        }
    }

    /// @dev EIP-712, as IAmendableSplit.sol states it.
    function _digest(IAmendableSplit split, Amendment memory a) internal returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("revshare"),
                keccak256("1"),
                block.chainid,
                address(split)
            )
        );
        bytes32 amendment = keccak256(
            abi.encode(
                keccak256("Amendment(bytes32 from,bytes32 to,uint256 epoch,address[] tokens,uint256 deadline)"),
                split.commitment(),
                plain.commitmentOf(a.newTerms),
                split.epoch(),
                keccak256(abi.encodePacked(a.tokens)),
                a.deadline
            )
        );
        return keccak256(bytes.concat(hex"1901", domain, amendment));
    }

    function _amend(address caller, IAmendableSplit split, Amendment memory a, IAmendments.Consent[] memory consents)
        internal
        returns (bool done)
    {
        bytes memory data = abi.encodeCall(controlled.amend, (a.oldTerms, a.newTerms, a.tokens, consents, a.deadline));
        vm.prank(caller);
        (done,) = address(split).call(data);
    }
}

/// @title Terms change by the consent, or the announcement, of exactly these changes, and otherwise not.
/// @custom:halmos --solver-timeout-branching 5s
contract AmendmentProof is AnyAmendment {
    // ------------------------------------------------------------------ a quorum

    function check_no_amendment_without_a_quorums_consent_to_exactly_it(address caller) external {
        _noneWithoutConsent(caller, 2, 1);
    }

    function check_long_no_amendment_without_a_quorums_consent_to_exactly_it(address caller) external {
        _noneWithoutConsent(caller, anyOf(PAYEES + 1), anyOf(3));
    }

    /// @dev Each payee signs anything but this amendment, or this one too; and has revoked that or not.
    function _noneWithoutConsent(address caller, uint256 consents, uint256 tokens) private {
        Amendment memory a = _anyAmendment(quorate, tokens);
        bytes32 digest = _digest(quorate, a);
        uint256 agreed = 0;
        unchecked {
            for (uint256 i = 0; i < PAYEES; ++i) {
                agreed += _agreed(quorate, i, digest, a.weights[1][i]);
            }
            uint256 needed = (a.totals[1] * QUORUM + 10_000 - 1) / 10_000;
            vm.assume(either(agreed < needed, a.time > a.deadline));
        }
        assert(!_amend(caller, quorate, a, _anyConsents(consents)));
    }

    /// @return agreed The weight if the payee's consent to the digest counts, and else 0.
    function _agreed(IAmendableSplit split, uint256 payee, bytes32 digest, uint256 weight)
        private
        returns (uint256 agreed)
    {
        bool signs = svm.createBool("signs");
        payees[payee].say(digest, signs);
        bool valid = both(signs, !split.isRevoked(address(payees[payee]), digest));
        // No product: halmos does not look into those of two unknowns until the end.
        assembly ("memory-safe") {
            agreed := and(sub(0, valid), weight)
        }
    }

    /// @dev Of a payee that is no contract.
    function check_a_signature_over_anything_else_is_no_consent(address caller, uint8 v, bytes32 r, bytes32 s) external {
        Amendment memory a = _anyAmendment(quorate, 0);
        address payee = address(0x519E);
        uint256 place = 66 + 4 * 28; // the one on the second page
        bytes memory packed = a.oldTerms;
        assembly ("memory-safe") {
            let at := add(add(packed, 0x20), place)
            mstore(at, or(shl(96, payee), and(mload(at), 0xffffffffffffffffffffffff)))
        }
        vm.assume(ecrecover(_digest(quorate, a), v, r, s) != payee);
        IAmendments.Consent[] memory consents = new IAmendments.Consent[](1);
        consents[0] = IAmendments.Consent(4, abi.encodePacked(r, s, v));
        assert(!_amend(caller, quorate, a, consents));
    }

    /// @dev Where all must agree, one whose terms get worse is not passed over, weight in the last tier or not.
    function check_no_amendment_worsens_the_terms_of_one_who_has_not_agreed(address caller) external {
        uint256 worsened = 4 * anyOf(2); // the first, or the one on the second page
        Amendment memory a = _anyAmendment(unanimous, 0);
        uint256[2] memory weights = _newWeights(a, worsened);
        bytes32 digest = _digest(unanimous, a);
        payees[worsened].say(digest, false);
        // Its share of what the first tier gives falls, or that tier ends elsewhere.
        uint256 until = uint128(_wordOf(a.newTerms, 22) >> 128);
        uint256 total = uint48(_wordOf(a.newTerms, 22) >> 80);
        vm.assume(either(until != a.untils[0], weights[0] * a.totals[0] < a.weights[0][worsened] * total));
        IAmendments.Consent[] memory consents = new IAmendments.Consent[](PAYEES - 1);
        for (uint256 i = 0; i < PAYEES - 1; ++i) {
            consents[i].index = i < worsened ? i : i + 1;
        }
        assert(!_amend(caller, unanimous, a, consents));
    }

    /// @dev The new terms name the same payees.
    function _newWeights(Amendment memory a, uint256 payee) private returns (uint256[2] memory weights) {
        a.newTerms = bytes.concat(svm.createBytes(21, "new"), hex"02", svm.createBytes(44, "tiers"));
        for (uint256 i = 0; i < PAYEES; ++i) {
            uint32[2] memory w = [uint32(svm.createUint256("weight")), uint32(svm.createUint256("weight"))];
            a.newTerms = bytes.concat(a.newTerms, bytes20(address(payees[i])), bytes4(w[0]), bytes4(w[1]));
            if (i == payee) weights = [uint256(w[0]), w[1]];
        }
    }

    function _wordOf(bytes memory data, uint256 from) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 0x20), from))
        }
    }

    // ------------------------------------------------------------------ a controller

    function check_no_controller_amends_but_as_announced_and_in_time(address caller) external {
        _noneUnannounced(caller, 0, 1);
    }

    function check_long_no_controller_amends_but_as_announced_and_in_time(address caller) external {
        _noneUnannounced(caller, anyOf(2), anyOf(3));
    }

    function _noneUnannounced(address caller, uint256 consents, uint256 tokens) private {
        Amendment memory a = _anyAmendment(controlled, tokens);
        (bytes32 to, uint256 readyAt,) = controlled.proposal();
        bytes32 listed = vm.load(address(controlled), _PROPOSED_TOKENS);
        bool announced = both(to == plain.commitmentOf(a.newTerms), listed == keccak256(abi.encodePacked(a.tokens)));
        unchecked {
            bool inTime = both(a.time >= readyAt, a.time - readyAt <= 30 days);
            vm.assume(!both(announced, inTime));
        }
        assert(!_amend(caller, controlled, a, _anyConsents(consents)));
    }

    function check_a_proposal_is_what_was_announced_and_ready_after_the_notice() external {
        Amendment memory a = _anyAmendment(controlled, 1);
        address controller = controlled.controller();
        vm.prank(controller);
        (bool done,) = address(controlled).call(
            abi.encodeCall(controlled.proposeAmendment, (a.oldTerms, a.newTerms, a.tokens))
        );
        if (!done) return;
        (bytes32 to, uint256 readyAt, uint256 until) = controlled.proposal();
        assert(to == plain.commitmentOf(a.newTerms));
        assert(both(readyAt == a.time + NOTICE, until == readyAt + 30 days));
        assert(vm.load(address(controlled), _PROPOSED_TOKENS) == keccak256(abi.encodePacked(a.tokens)));
    }

    function check_a_withdrawn_proposal_is_gone() external {
        _anyAmendment(controlled, 0);
        address controller = controlled.controller();
        vm.prank(controller);
        (bool done,) = address(controlled).call(abi.encodeCall(controlled.withdrawAmendment, ()));
        (bytes32 to, uint256 readyAt,) = controlled.proposal();
        assert(either(!done, both(to == 0, readyAt == 0)));
    }

    // ------------------------------------------------------------------ what comes of it

    /// @dev Where there is nothing to settle: a settlement is a distribution, which leaves all this alone (GovernanceProof).
    function check_an_amendment_puts_exactly_its_terms_in_force_and_spends_the_proposal(address caller) external {
        Amendment memory a = _anyAmendment(controlled, 0);
        vm.assume(a.settlement == address(0));
        vm.deal(address(controlled), 0);
        uint256 books = uint256(vm.load(address(controlled), keccak256(abi.encode(address(0), 0))));
        vm.assume(uint128(books) / 2 <= books >> 128);
        (bytes32 before, uint256 epoch) = (controlled.commitment(), controlled.epoch());
        vm.assume(epoch < 2 ** 63);
        bool done = _amend(caller, controlled, a, _anyConsents(0));
        (bytes32 to,,) = controlled.proposal();
        assert(controlled.commitment() == (done ? plain.commitmentOf(a.newTerms) : before));
        assert(controlled.epoch() == epoch + (done ? 1 : 0));
        assert(either(!done, to == 0));
    }

    /// @dev `_proposedTokens` of AmendableBackOffice: no view shows it.
    bytes32 private constant _PROPOSED_TOKENS = bytes32(uint256(10));
}

/// @title The opposite of what the proofs above rely on.
contract AmendmentWitness is AnyAmendment {
    function check_no_quorum_ever_agrees() external {
        Amendment memory a = _nothingToSettle(quorate, 1);
        IAmendments.Consent[] memory consents = new IAmendments.Consent[](2);
        (consents[0].index, consents[1].index) = (3, 4);
        assert(!_amend(address(1), quorate, a, consents));
    }

    function check_not_all_ever_agree() external {
        Amendment memory a = _nothingToSettle(unanimous, 0);
        IAmendments.Consent[] memory consents = new IAmendments.Consent[](PAYEES);
        for (uint256 i = 0; i < PAYEES; ++i) {
            consents[i].index = i;
        }
        assert(!_amend(address(1), unanimous, a, consents));
    }

    function check_nothing_announced_is_ever_put_in_force() external {
        Amendment memory a = _nothingToSettle(controlled, 1);
        assert(!_amend(address(1), controlled, a, new IAmendments.Consent[](0)));
    }

    function check_nothing_is_ever_announced() external {
        Amendment memory a = _anyAmendment(controlled, 1);
        address controller = controlled.controller();
        vm.prank(controller);
        (bool done,) = address(controlled).call(
            abi.encodeCall(controlled.proposeAmendment, (a.oldTerms, a.newTerms, a.tokens))
        );
        assert(!done);
    }

    function check_no_announcement_is_ever_withdrawn() external {
        _anyAmendment(controlled, 0);
        address controller = controlled.controller();
        vm.prank(controller);
        (bool done,) = address(controlled).call(abi.encodeCall(controlled.withdrawAmendment, ()));
        assert(!done);
    }

    /// @dev Coin only, of which nothing is held; the terms in force are the first.
    function _nothingToSettle(IAmendableSplit split, uint256 tokens) private returns (Amendment memory a) {
        a = _anyAmendment(split, tokens);
        vm.assume(a.settlement == address(0));
        for (uint256 i = 0; i < tokens; ++i) {
            vm.assume(a.tokens[i] == address(0));
        }
        vm.deal(address(split), 0);
        vm.store(address(split), keccak256(abi.encode(address(0), 0)), 0);
        a.oldTerms = first;
        a.newTerms = first;
    }
}
