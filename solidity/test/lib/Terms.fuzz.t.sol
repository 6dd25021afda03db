// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Agreement, Agreements} from "../Agreement.sol";
import {Chance} from "../Chance.sol";
import {IFactory} from "../IFactory.sol";
import {ITermsHarness} from "./IHarness.sol";
import {IRevenueSplit} from "revshare/split/IRevenueSplit.sol";
import {PlainTerms} from "../reference/PlainTerms.sol";
import {Shipped} from "../Shipped.sol";
import {Terms} from "revshare/lib/Terms.sol";
import {vm} from "../Vm.sol";

/// @title The map from bytes to commitments is the one that lib/Terms.sol states (reference/PlainTerms.sol), for all bytes.
/// @dev A split shows the commitment of any bytes that are not its own terms: they are refused with it.
contract TermsFuzz {
    using Agreements for Agreement;

    IFactory private _factory;
    IRevenueSplit private _split;
    ITermsHarness private _library;
    PlainTerms private _plain;

    function setUp() external {
        _factory = IFactory(Shipped.deploy("RevenueSplitFactory"));
        address[] memory who = new address[](1);
        who[0] = address(0x9A1);
        Agreement memory a = Agreements.blank(address(0), who, 1);
        a.weights[0][0] = 1;
        _split = IRevenueSplit(_factory.create(a.pack(), 0));
        (_library, _plain) = (ITermsHarness(vm.deployCode("Harness.sol:TermsHarness")), new PlainTerms());
    }

    // ------------------------------------------------------------------ the commitment

    /// @notice Whatever the bytes, wherever they stand in the calldata, and whatever stands behind them.
    function testFuzz_anyBytesHaveThePlainCommitment(uint256 seed) external {
        _commitmentIsPlain(seed, Chance.terms(seed));
    }

    /// @notice The same of bytes as forge likes them.
    function testFuzz_forgesBytesHaveThePlainCommitment(uint256 seed, bytes calldata data) external {
        _commitmentIsPlain(seed, data);
    }

    function _commitmentIsPlain(uint256 seed, bytes memory data) private {
        bytes32 plain = _plain.commitmentOf(data);
        uint256 gap = Chance.draw(seed, "gap") % 3 == 0 ? Chance.draw(seed, "how far") % 100 : 0;
        bytes memory behind = Chance.bytesOf(~seed, Chance.draw(seed, "behind") % 300);

        bytes4 what = _library.commitmentOf.selector;
        (bool done, bytes memory answer) = address(_library).call(Chance.calldataOf(what, "", data, "", gap, behind));
        require(done && abi.decode(answer, (bytes32)) == plain, "the library's commitment");

        bytes memory token = abi.encode(address(0));
        require(
            _refused(Chance.calldataOf(_split.distribute.selector, "", data, token, gap, behind)) == plain,
            "the commitment by which a distribution goes"
        );
        (done, answer) = address(_split).call(Chance.calldataOf(_split.verify.selector, "", data, "", gap, behind));
        require(done && !abi.decode(answer, (bool)), "some bytes are the terms");
    }

    /// @dev The commitment that a split says was given.
    function _refused(bytes memory call_) private returns (bytes32 given) {
        (bool done, bytes memory why) = address(_split).call(call_);
        require(!done && bytes4(why) == Terms.TermsMismatch.selector, "it was not refused as others' terms");
        (, given) = abi.decode(Chance.arguments(why), (bytes32, bytes32));
    }

    // ------------------------------------------------------------------ proofs

    /// @notice Whatever is shown as a proof leads where the documentation says, and to the entry it says.
    function testFuzz_anyProofHasThePlainCommitment(uint256 seed, address payee) external {
        bytes memory proof;
        (proof, payee) = _proof(seed, payee);
        (bytes32 plain, uint256 entry) = _plain.commitmentOf(proof, payee);
        uint256 gap = Chance.draw(seed, "gap") % 3 == 0 ? Chance.draw(seed, "how far") % 100 : 0;
        bytes memory behind = Chance.bytesOf(~seed, Chance.draw(seed, "behind") % 300);

        bytes4 what = _library.commitmentOfProof.selector;
        (bool done, bytes memory answer) =
            address(_library).call(Chance.calldataOf(what, "", proof, abi.encode(payee), gap, behind));
        require(done, "the library refuses to say");
        (bytes32 commitment, uint256 entry_) = abi.decode(answer, (bytes32, uint256));
        require(commitment == plain, "the library's commitment");
        require(entry_ == entry, "where it is read");

        bytes memory claim =
            Chance.calldataOf(_split.claim.selector, abi.encode(payee), proof, abi.encode(address(0)), gap, behind);
        require(_refused(claim) == plain, "the commitment by which a claim goes");
    }

    /// @dev Right ones, such that were right once, and any bytes with a proof's header.
    function _proof(uint256 seed, address anybody) private pure returns (bytes memory proof, address payee) {
        uint256 kind = Chance.draw(seed, "kind of proof") % 8;
        if (kind == 0) return (Chance.bytesOf(seed, Chance.draw(seed, "length") % 700), anybody);
        Agreement memory a = Chance.agreement(seed, address(0), kind == 1 ? 40 : 9, 8);
        uint256 i = Chance.draw(seed, "who") % a.payees.length;
        (proof, payee) = (a.proof(i), a.payees[i]);
        uint256 place = 4 + 22 * (1 + a.untils.length);
        if (kind == 2) payee = anybody;
        if (kind == 3) proof = Chance.cut(proof, Chance.draw(seed, "cut") % proof.length);
        if (kind == 4) Chance.flip(proof, Chance.draw(seed, "flip"));
        if (kind == 5) proof[place] = bytes1(uint8(Chance.draw(seed, "place")));
        if (kind == 6) {
            // As many siblings as there are bits for their sides: those of 260,000 payees, whose terms no block would hold.
            proof[place + 1] = bytes1(uint8(Chance.draw(seed, "sides")));
            proof[place + 2] = bytes1(uint8(Chance.draw(seed, "more sides")));
            proof = bytes.concat(proof, Chance.bytesOf(seed, 32 * (Chance.draw(seed, "siblings") % 13)));
        }
        if (kind == 7) {
            proof = Chance.cut(proof, place);
            proof = bytes.concat(proof, Chance.bytesOf(seed, Chance.draw(seed, "length") % 500));
        }
    }

    // ------------------------------------------------------------------ what terms are

    /// @notice Terms are accepted at creation exactly if they are what the documentation says, and then with their commitment.
    function testFuzz_termsAreAcceptedAsDocumented(uint256 seed) external {
        bytes memory data = Chance.terms(seed);
        if (Chance.draw(seed, "exchange") % 4 == 0 && data.length > 66) _exchangeTwoBytes(seed, data);
        bool valid = _plain.isValid(data);
        (bool done, bytes memory answer) = address(_library).call(abi.encodeCall(_library.validate, (data)));
        require(done == valid, "the library accepts something else");
        if (done) require(abi.decode(answer, (bytes32)) == _plain.commitmentOf(data), "with another commitment");
        (done,) = address(_factory).call(abi.encodeCall(_factory.predict, (data, uint64(seed))));
        require(done == valid, "the factory accepts something else");
    }

    function _exchangeTwoBytes(uint256 seed, bytes memory data) private pure {
        uint256 i = Chance.draw(seed, "one") % data.length;
        uint256 j = Chance.draw(seed, "other") % data.length;
        (data[i], data[j]) = (data[j], data[i]);
    }

    /// @notice The reference by bytes and the one by agreements (Agreement.sol) say the same.
    function testFuzz_theReferencesAgree(uint256 seed) external {
        Agreement memory a = Chance.agreement(seed, address(uint160(seed)), 18, 3);
        require(_plain.isValid(a.pack()), "an agreement is not valid");
        require(_plain.commitmentOf(a.pack()) == a.commitment(), "the commitment");
        uint256 i = Chance.draw(seed, "who") % a.payees.length;
        (bytes32 led,) = _plain.commitmentOf(a.proof(i), a.payees[i]);
        require(led == a.commitment(), "where a proof leads");
    }
}
