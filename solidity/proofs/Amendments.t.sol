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

    constructor() {
        bytes memory entries;
        for (uint256 i = 0; i < PAYEES; ++i) {
            payees[i] = new Signer();
            entries = bytes.concat(entries, bytes20(address(payees[i])), bytes4(uint32(i + 1)), bytes4(uint32(1)));
        }
        bytes memory first = bytes.concat(
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
        bytes memory data = abi.encodeCall(split.amend, (a.oldTerms, a.newTerms, a.tokens, consents, a.deadline));
        vm.prank(caller);
        (done,) = address(split).call(data);
    }
}

/// @title Terms change by the consent, or the announcement, of exactly these changes, and otherwise not.
contract AmendmentProof is AnyAmendment {
    function check_no_amendment_without_a_quorums_consent_to_exactly_it(address caller) external {
        _noneWithoutConsent(caller, 2, 1);
    }

    function check_5_2(address caller) external {
        _noneWithoutConsent(caller, 5, 2);
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
}
