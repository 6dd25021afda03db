// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRevenueSplitOffice} from "revshare/split/IRevenueSplit.sol";
import {PlainTerms} from "tests/reference/PlainTerms.sol";
import {Shipped} from "./Shipped.sol";
import {anyOf, both, either, svm, vm} from "./Cheats.sol";

/// @title Any bytes as terms, and the shipped back office that says whether a word is the commitment to them.
/// @dev What is known of the bytes is how many there are, and the tier count they state: halmos must know where memory
///      ends. The proofs take these from lists, each in a path of its own.
abstract contract AnyTerms {
    address internal office = Shipped.deploy("BackOffice", "");
    PlainTerms internal plain = new PlainTerms();

    uint256 internal constant LENGTHS = 18;

    /// @dev Where a boundary is, and beside it: of the header, an entry, a page, the 64 bytes of a node.
    function _lengthAt(uint256 tiers, uint256 which) internal pure returns (uint256) {
        uint256 head = 22 * (tiers + 1);
        uint256 entry = 20 + 4 * tiers;
        uint256 page = 4 * entry;
        if (which == 0) return 22;
        if (which == 1) return head - 1;
        if (which < 4) return head + which - 2;
        if (which == 4) return head + entry;
        if (which < 8) return head + which + 58;
        if (which < 11) return head + page + which - 9;
        if (which < 14) return head + page + which + 52;
        if (which == 14) return head + page + entry;
        if (which == 15) return head + 2 * page;
        if (which == 16) return head + 2 * page + 64;
        return head + 3 * page;
    }

    function _anyTerms(uint256 tiers, uint256 length) internal returns (bytes memory) {
        if (length < 22) return _anyBytes(length);
        return bytes.concat(_anyBytes(21), bytes1(uint8(tiers)), _anyBytes(length - 22));
    }

    function _anyBytes(uint256 length) internal returns (bytes memory) {
        return length == 0 ? new bytes(0) : svm.createBytes(length, "bytes");
    }

    /// @dev What stands behind terms. Where they are too short to state a tier count, it is read here and must be known.
    function _anythingBehind(uint256 tiers, uint256 length) internal returns (bytes memory) {
        if (length < 22) return bytes.concat(_anyBytes(21 - length), bytes1(uint8(tiers)), _anyBytes(42));
        return _anyBytes(64);
    }

    /// @dev As a clone with this word asks it.
    function _verifies(bytes memory terms, bytes memory behind, bytes32 word) internal view returns (bool) {
        (bool done, bytes memory answer) = office.staticcall(
            bytes.concat(IRevenueSplitOffice.verify.selector, bytes32(uint256(32)), bytes32(terms.length), terms, behind, word)
        );
        assert(done);
        return abi.decode(answer, (bool));
    }

    /// @dev By words: that hashes are equal would be a question about hashes again.
    function _areSame(bytes memory a, bytes memory b) internal pure returns (bool same) {
        same = a.length == b.length;
        for (uint256 i = 0; i < a.length; i += 32) {
            same = both(same, _wordAt(a, i) == _wordAt(b, i));
        }
    }

    /// @dev Zeros behind the end.
    function _wordAt(bytes memory data, uint256 from) private pure returns (uint256 word) {
        uint256 left = data.length - from;
        assembly ("memory-safe") {
            word := mload(add(add(data, 0x20), from))
        }
        if (left < 32) word >>= 8 * (32 - left);
    }
}

/// @custom:halmos --solver-timeout-branching 200ms
/// @title Different bytes have different commitments, valid terms or not, and nothing behind them matters.
contract CommitmentProof is AnyTerms {
    function check_bytes_of_one_length_and_commitment_are_the_same(bytes32 word) external {
        uint256 length = _lengthAt(2, anyOf(LENGTHS));
        _areOne(2, length, 2, length, word);
    }

    function check_bytes_of_different_lengths_have_different_commitments(bytes32 word) external {
        uint256 i = anyOf(LENGTHS - 1);
        uint256 j = i + 1 + anyOf(LENGTHS - 1 - i);
        _areOne(2, _lengthAt(2, i), 2, _lengthAt(2, j), word);
    }

    function _areOne(uint256 tiersA, uint256 lengthA, uint256 tiersB, uint256 lengthB, bytes32 word) private {
        bytes memory a = _anyTerms(tiersA, lengthA);
        bytes memory b = _anyTerms(tiersB, lengthB);
        bool verified = _verifies(a, _anythingBehind(tiersA, lengthA), word);
        verified = both(verified, _verifies(b, _anythingBehind(tiersB, lengthB), word));
        assert(either(!verified, _areSame(a, b)));
    }

    function check_commitments_are_those_of_the_plain_statement() external {
        uint256 length = _lengthAt(2, anyOf(LENGTHS));
        bytes memory terms = _anyTerms(2, length);
        assert(_verifies(terms, _anythingBehind(2, length), plain.commitmentOf(terms)));
    }

    /// @dev Of one to three tiers, and lengths that cut whatever can be cut.
    function check_at_all_lengths_commitments_are_those_of_the_plain_statement() external {
        uint256 tiers = 1 + anyOf(3);
        uint256 length = anyOf(22 * (tiers + 1) + 8 * (20 + 4 * tiers) + 1);
        bytes memory terms = _anyTerms(tiers, length);
        assert(_verifies(terms, _anythingBehind(tiers, length), plain.commitmentOf(terms)));
    }

    function check_of_any_tier_count_commitments_are_those_of_the_plain_statement() external {
        uint256 length = 22 + 70 * anyOf(4);
        bytes memory terms = _anyTerms(anyOf(256), length);
        assert(_verifies(terms, _anythingBehind(0, length), plain.commitmentOf(terms)));
    }

    /// @dev Too short to state a tier count: it is read behind them.
    function check_of_the_shortest_bytes_commitments_are_those_of_the_plain_statement() external {
        uint256 length = 11 * anyOf(2);
        bytes memory terms = _anyTerms(0, length);
        assert(_verifies(terms, _anythingBehind(anyOf(256), length), plain.commitmentOf(terms)));
    }

    function check_nothing_behind_the_bytes_matters(bytes32 word) external {
        uint256 length = _lengthAt(2, anyOf(LENGTHS));
        bytes memory terms = _anyTerms(2, length);
        bool verified = _verifies(terms, _anythingBehind(2, length), word);
        assert(_verifies(terms, _anythingBehind(2, length), word) == verified);
        assert(_verifies(terms, "", word) == verified);
    }
}

interface IReader {
    function read(bytes calldata proof, address payee, bytes32 expected)
        external
        pure
        returns (bytes memory header, uint256[2] memory weights);
}

/// @title A proof that leads to the commitment of terms names an entry of them, with its weights and their header.
/// @dev Terms of five to eight payees, on two pages, and two tiers, and otherwise of any bytes. A proof of any bytes, of
///      which known are the tier count, how many entries are on its page and which of them is the payee's, how many siblings
///      there are, and on which side.
/// @custom:halmos --solver-timeout-branching 200ms
contract PayeeProof is AnyTerms {
    IReader internal reader = IReader(Shipped.deploy("Reader", ""));

    struct Terms {
        bytes header;
        address[] payees;
        uint32[2][] weights;
        bytes32 commitment;
    }

    function check_a_proof_names_an_entry_of_the_terms(address payee) external {
        Terms memory terms = _anyTermsOf(5 + 3 * anyOf(2));
        uint256 entries = 1 + anyOf(5);
        _names(terms, payee, entries, anyOf(entries), anyOf(3));
    }

    function check_long_any_proof_names_an_entry_of_the_terms(address payee) external {
        Terms memory terms = _anyTermsOf(5 + anyOf(4));
        uint256 entries = 1 + anyOf(15);
        _names(terms, payee, entries, anyOf(entries), anyOf(4));
    }

    function _names(Terms memory terms, address payee, uint256 entries, uint256 place, uint256 siblings) private {
        uint256 sides = anyOf(2 ** siblings);
        bytes memory proof = bytes.concat(
            svm.createBytes(4 + 21, "header"),
            hex"02",
            svm.createBytes(44, "tiers"),
            bytes1(uint8(16 * entries + place)),
            bytes2(uint16(sides)),
            svm.createBytes(28 * entries - 20, "page"),
            _anyBytes(32 * siblings)
        );
        (bool done, bytes memory answer) =
            address(reader).staticcall(abi.encodeCall(reader.read, (proof, payee, terms.commitment)));
        if (!done) return;
        // One sibling; the payee's page is the one on the other side, and whole.
        assert(siblings == 1);
        assert(entries == (sides == 0 ? 4 : terms.payees.length - 4));
        _shows(terms, payee, 4 * sides + place, answer);
    }

    /// @dev What bytes of such a form, but with another tier count, lead to is no commitment of these terms.
    function check_no_proof_of_another_tier_count_leads_to_the_terms(address payee) external {
        Terms memory terms = _anyTermsOf(5);
        uint256 tiers = anyOf(8);
        if (tiers > 1) ++tiers;
        uint256 entries = 1 + anyOf(4);
        uint256 siblings = anyOf(3);
        bytes memory proof = bytes.concat(
            svm.createBytes(4 + 21, "header"),
            bytes1(uint8(tiers)),
            _anyBytes(22 * tiers),
            bytes1(uint8(16 * entries + anyOf(entries))),
            bytes2(uint16(anyOf(2 ** siblings))),
            _anyBytes((20 + 4 * tiers) * entries - 20),
            _anyBytes(32 * siblings)
        );
        (bool done,) = address(reader).staticcall(abi.encodeCall(reader.read, (proof, payee, terms.commitment)));
        assert(!done);
    }

    /// @dev Of no other form is anything accepted: no payee on the page, a page that is cut, half a sibling.
    function check_no_proof_of_another_form_is_accepted(address payee, bytes32 expected) external {
        vm.assume(expected != 0);
        uint256 entries = anyOf(5);
        uint256 place = anyOf(16);
        uint256 more = anyOf(4);
        uint256 page = entries == 0 ? 0 : 28 * entries - 20;
        if (place < entries) more = more == 3 ? 31 : 1 + 8 * more;
        bytes memory proof = bytes.concat(
            svm.createBytes(4 + 21, "header"),
            hex"02",
            svm.createBytes(44, "tiers"),
            bytes1(uint8(16 * entries + place)),
            svm.createBytes(2, "sides"),
            _anyBytes(page + more)
        );
        (bool done,) = address(reader).staticcall(abi.encodeCall(reader.read, (proof, payee, expected)));
        assert(!done);
        if (page == 0) return;
        bytes memory cut = bytes.concat(
            svm.createBytes(4 + 21, "header"),
            hex"02",
            svm.createBytes(44, "tiers"),
            bytes1(uint8(16 * entries + place)),
            svm.createBytes(2, "sides"),
            _anyBytes(page - 1)
        );
        (done,) = address(reader).staticcall(abi.encodeCall(reader.read, (cut, payee, expected)));
        assert(!done);
    }

    /// @dev So that the above does not hold for want of proofs: each payee has one.
    function check_every_payee_has_a_proof() external {
        Terms memory terms = _anyTermsOf(5 + anyOf(4));
        uint256 i = anyOf(terms.payees.length);
        bytes[2] memory pages = [_page(terms, 0, 4), _page(terms, 4, terms.payees.length)];
        uint256 page = i / 4;
        bytes memory before = _page(terms, 4 * page, i);
        bytes memory behind = _page(terms, i + 1, page == 0 ? 4 : terms.payees.length);
        bytes memory proof = bytes.concat(
            bytes4(uint32(66 + 28 * terms.payees.length)),
            terms.header,
            bytes1(uint8(16 * (page == 0 ? 4 : terms.payees.length - 4) + i % 4)),
            bytes2(uint16(page)),
            before,
            bytes4(terms.weights[i][0]),
            bytes4(terms.weights[i][1]),
            behind
        );
        proof = bytes.concat(proof, keccak256(bytes.concat(hex"00", pages[1 - page])));
        (bool done, bytes memory answer) =
            address(reader).staticcall(abi.encodeCall(reader.read, (proof, terms.payees[i], terms.commitment)));
        assert(done);
        _shows(terms, terms.payees[i], i, answer);
    }

    function _shows(Terms memory terms, address payee, uint256 i, bytes memory answer) private pure {
        (bytes memory header, uint256[2] memory weights) = abi.decode(answer, (bytes, uint256[2]));
        assert(payee == terms.payees[i]);
        assert(both(weights[0] == terms.weights[i][0], weights[1] == terms.weights[i][1]));
        assert(_areSame(header, terms.header));
    }

    function _anyTermsOf(uint256 count) private returns (Terms memory terms) {
        terms.header = bytes.concat(svm.createBytes(21, "header"), hex"02", svm.createBytes(44, "tiers"));
        terms.payees = new address[](count);
        terms.weights = new uint32[2][](count);
        for (uint256 i = 0; i < count; ++i) {
            terms.payees[i] = svm.createAddress("payee");
            for (uint256 t = 0; t < 2; ++t) {
                terms.weights[i][t] = uint32(svm.createUint256("weight"));
            }
        }
        terms.commitment = plain.commitmentOf(bytes.concat(terms.header, _page(terms, 0, count)));
    }

    function _page(Terms memory terms, uint256 from, uint256 to) private pure returns (bytes memory page) {
        for (uint256 i = from; i < to; ++i) {
            bytes memory weights = bytes.concat(bytes4(terms.weights[i][0]), bytes4(terms.weights[i][1]));
            page = bytes.concat(page, bytes20(terms.payees[i]), weights);
        }
    }
}
