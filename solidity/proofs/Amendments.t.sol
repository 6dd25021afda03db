// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Anything} from "./Anything.sol";
import {IAmendableSplit, IAmendments} from "revshare/amendable/IAmendableSplit.sol";
import {IFactory} from "./SplitProof.sol";
import {Plain} from "./Plain.sol";
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

    IFactory internal factory = IFactory(Shipped.deploy("RevenueSplitFactory", ""));
    Signer[PAYEES] internal payees;
    bytes internal first;
    IAmendableSplit internal quorate;
    IAmendableSplit internal unanimous;
    IAmendableSplit internal controlled;

    // What a proof is about: the terms that may be in force, the new ones, and what is asked along with them.
    uint256[PAYEES][2] internal weights;
    uint256[2] internal untils;
    uint256[2] internal totals;
    address internal settlement;
    bytes internal oldTerms;
    bytes internal newTerms;
    address[] internal tokens;
    uint256 internal deadline;
    uint256 internal time;

    constructor() {
        bytes memory entries;
        for (uint256 i = 0; i < PAYEES; ++i) {
            payees[i] = new Signer();
            entries = bytes.concat(entries, bytes20(address(payees[i])), bytes4(uint32(i + 1)), bytes4(uint32(1)));
        }
        first = bytes.concat(
            bytes22(uint176(2)), bytes16(uint128(1000)), bytes6(uint48(15)), bytes16(0), bytes6(uint48(5)), entries
        );
        quorate = IAmendableSplit(factory.createAmendable(first, _governance(QUORUM), 0));
        unanimous = IAmendableSplit(factory.createAmendable(first, _governance(10_000), 0));
        controlled = IAmendableSplit(
            factory.createAmendable(
                first, bytes32(bytes.concat(hex"020000", bytes4(NOTICE), hex"0000000000", bytes20(address(this)))), 0
            )
        );
    }

    function _governance(uint256 quorum) private pure returns (bytes32) {
        return bytes32(bytes.concat(hex"01", bytes2(uint16(quorum))));
    }

    function _anyAmendment(IAmendableSplit split) internal {
        svm.enableSymbolicStorage(address(split));
        time = svm.createUint256("time");
        vm.assume(time < 2 ** 63);
        vm.warp(time);
        deadline = svm.createUint256("deadline");
        tokens = new address[](anyOf(3));
        for (uint256 i = 0; i < tokens.length; ++i) {
            tokens[i] = svm.createAddress("token");
        }
        _anyOldTerms();
        newTerms = bytes.concat(svm.createBytes(21, "new"), hex"02", svm.createBytes(184, "new"));
    }

    function _anyOldTerms() internal {
        settlement = svm.createAddress("settlement");
        oldTerms = bytes.concat(hex"00", bytes20(settlement), hex"02");
        for (uint256 t = 0; t < 2; ++t) {
            untils[t] = uint128(svm.createUint256("until"));
            totals[t] = uint48(svm.createUint256("total"));
            oldTerms = bytes.concat(oldTerms, bytes16(uint128(untils[t])), bytes6(uint48(totals[t])));
        }
        for (uint256 i = 0; i < PAYEES; ++i) {
            oldTerms = bytes.concat(oldTerms, bytes20(address(payees[i])));
            for (uint256 t = 0; t < 2; ++t) {
                weights[t][i] = uint32(svm.createUint256("weight"));
                oldTerms = bytes.concat(oldTerms, bytes4(uint32(weights[t][i])));
            }
        }
    }

    /// @dev Consents of any payees, in any order, as often as anybody likes.
    function _anyConsents() internal returns (IAmendments.Consent[] memory consents) {
        consents = new IAmendments.Consent[](anyOf(PAYEES + 1));
        for (uint256 i = 0; i < consents.length; ++i) {
            consents[i] = IAmendments.Consent(svm.createUint256("index"), "");
        }
    }

    /// @dev EIP-712, as IAmendableSplit.sol states it.
    function _digest(IAmendableSplit split) internal view returns (bytes32) {
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
                Plain.commitmentOf(newTerms, 2),
                split.epoch(),
                keccak256(abi.encodePacked(tokens)),
                deadline
            )
        );
        return keccak256(bytes.concat(hex"1901", domain, amendment));
    }

    function _amend(address caller, IAmendableSplit split, IAmendments.Consent[] memory consents)
        internal
        returns (bool done)
    {
        bytes memory data = abi.encodeCall(split.amend, (oldTerms, newTerms, tokens, consents, deadline));
        vm.prank(caller);
        (done,) = address(split).call(data);
    }
}

/// @title Terms change by the consent, or the announcement, of exactly these changes, and otherwise not.
contract AmendmentProof is AnyAmendment {
    /// @dev Each payee signs anything but this amendment, or this one too; and has revoked that or not.
    function check_no_amendment_without_a_quorums_consent_to_exactly_it(address caller) external {
        _anyAmendment(quorate);
        bytes32 digest = _digest(quorate);
        uint256 agreed = 0;
        for (uint256 i = 0; i < PAYEES; ++i) {
            agreed += _agrees(quorate, i, digest) * weights[1][i];
        }
        uint256 needed = (totals[1] * QUORUM + 10_000 - 1) / 10_000;
        vm.assume(either(agreed < needed, time > deadline));
        assert(!_amend(caller, quorate, _anyConsents()));
    }

    /// @return agrees 1 if the payee's consent to the digest counts, and else 0.
    function _agrees(IAmendableSplit split, uint256 payee, bytes32 digest) private returns (uint256 agrees) {
        bool signs = svm.createBool("signs");
        payees[payee].say(digest, signs);
        bool valid = both(signs, !split.isRevoked(address(payees[payee]), digest));
        assembly ("memory-safe") {
            agrees := valid
        }
    }
}
