// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Bytes} from "./Bytes.sol";

/// @title What lib/Terms.sol says of terms, commitments and proofs, said plainly: to be read, not to be run on a chain.
/// @notice Tests hold the library, and what is shipped, to this on every input. The hash is a function of its own, and not
///         pure: a test can cut it to a few bits, and look at what is hashed (Collisions.t.sol).
contract PlainTerms {
    using Bytes for bytes;

    uint256 internal constant ENTRIES_A_PAGE = 4;

    // ------------------------------------------------------------------ hashing

    function hash(bytes memory data) internal virtual returns (bytes32) {
        return keccak256(data);
    }

    function leafOf(bytes memory page) internal virtual returns (bytes32) {
        return hash(bytes.concat(hex"00", page));
    }

    function nodeOf(bytes32 left, bytes32 right) internal virtual returns (bytes32) {
        return hash(bytes.concat(hex"01", left, right));
    }

    function sealOf(bytes32 root, uint256 length, bytes memory header) internal virtual returns (bytes32) {
        return hash(bytes.concat(hex"02", root, bytes32(length), header));
    }

    // ------------------------------------------------------------------ the commitment to any bytes

    function commitmentOf(bytes memory terms) public returns (bytes32) {
        bytes memory header = headerOf(terms);
        bytes[] memory pages = pagesOf(terms);
        bytes32[] memory level = new bytes32[](pages.length);
        for (uint256 i = 0; i < pages.length; ++i) {
            level[i] = leafOf(pages[i]);
        }
        return sealOf(_rootOf(level), terms.length, header);
    }

    /// @notice The bytes up to the first entry; all there are, if they are too few for the tiers they announce.
    function headerOf(bytes memory terms) public pure returns (bytes memory) {
        uint256 size = headerSize(tierCount(terms));
        return terms.length < size ? terms : terms.slice(0, size);
    }

    /// @notice What stands behind the header: pages of four entries, and a last one of what is left, whole entries or not.
    function pagesOf(bytes memory terms) public pure returns (bytes[] memory pages) {
        uint256 size = ENTRIES_A_PAGE * entrySize(tierCount(terms));
        uint256 start = headerOf(terms).length;
        pages = new bytes[]((terms.length - start + size - 1) / size);
        for (uint256 i = 0; i < pages.length; ++i) {
            uint256 end = start + size < terms.length ? start + size : terms.length;
            pages[i] = terms.slice(start, end);
            start = end;
        }
    }

    /// @dev Pairs, level by level; an odd one is carried up as it is. Of nothing the root is zero.
    function _rootOf(bytes32[] memory level) private returns (bytes32) {
        if (level.length == 0) return 0;
        if (level.length == 1) return level[0];
        bytes32[] memory above = new bytes32[]((level.length + 1) / 2);
        for (uint256 i = 0; i < above.length; ++i) {
            bool paired = 2 * i + 1 < level.length;
            above[i] = paired ? nodeOf(level[2 * i], level[2 * i + 1]) : level[2 * i];
        }
        return _rootOf(above);
    }

    // ------------------------------------------------------------------ the commitment that a proof leads to

    /// @notice proof := length of the terms(4) ‖ header ‖ place(1) ‖ sides(2) ‖ page ‖ siblings(32 each)
    /// @param page Where the page begins, without the payee's address.
    /// @param weights Where on it that address is left out: the payee's weights follow.
    /// @param siblings Where the page ends, and the siblings begin.
    /// @param sides Bit k says that sibling k is a left child.
    struct Proof {
        uint256 page;
        uint256 weights;
        uint256 siblings;
        uint256 sides;
    }

    /// @return commitment Zero for what has no proof's form.
    /// @return entry Where the payee's entry would begin: 20 bytes before its weights.
    function commitmentOf(bytes memory proof, address payee) public returns (bytes32 commitment, uint256 entry) {
        (bool formed, Proof memory p) = _read(proof);
        if (!formed) return (0, 0);
        bytes memory before = proof.slice(p.page, p.weights);
        bytes memory behind = proof.slice(p.weights, p.siblings);
        bytes32 node = leafOf(bytes.concat(before, bytes20(payee), behind));
        for (uint256 k = 0; p.siblings + 32 * k < proof.length; ++k) {
            bytes32 sibling = bytes32(proof.number(p.siblings + 32 * k, 32));
            bool isLeft = p.sides / 2 ** k % 2 == 1;
            node = isLeft ? nodeOf(sibling, node) : nodeOf(node, sibling);
        }
        commitment = sealOf(node, proof.number(0, 4), proof.slice(4, p.page - 3));
        entry = p.weights - 20;
    }

    /// @dev A proof has a header, the payee stands on the page, the page is all there but for the payee's address, and behind
    ///      it there are whole siblings and nothing else.
    function _read(bytes memory proof) private pure returns (bool formed, Proof memory p) {
        if (proof.length < 4 + headerSize(0)) return (false, p);
        uint256 tiers = proof.number(4 + 21, 1);
        p.page = 4 + headerSize(tiers) + 1 + 2;
        if (proof.length < p.page) return (false, p);
        uint256 entries = proof.number(p.page - 3, 1) / 16;
        uint256 place = proof.number(p.page - 3, 1) % 16;
        if (place >= entries) return (false, p);
        p.sides = proof.number(p.page - 2, 2);
        p.weights = p.page + place * entrySize(tiers);
        p.siblings = p.page + entries * entrySize(tiers) - 20;
        formed = proof.length >= p.siblings && (proof.length - p.siblings) % 32 == 0;
    }

    // ------------------------------------------------------------------ what terms are

    /// @notice Whether these are terms that a split may be made of.
    function isValid(bytes memory terms) public pure returns (bool) {
        uint256 tiers = tierCount(terms);
        if (tiers == 0 || tiers > 8 || uint8(terms[0]) != 0) return false;
        uint256 size = entrySize(tiers);
        if (terms.length <= headerSize(tiers) || (terms.length - headerSize(tiers)) % size != 0) return false;
        uint256 payees = payeeCount(terms);
        for (uint256 i = 0; i < payees; ++i) {
            if (payeeAt(terms, i) <= (i == 0 ? address(0) : payeeAt(terms, i - 1))) return false;
            uint256 sum = 0;
            for (uint256 t = 0; t < tiers; ++t) {
                sum += weightAt(terms, i, t);
            }
            if (sum == 0) return false;
        }
        for (uint256 t = 0; t < tiers; ++t) {
            if (t + 1 == tiers && untilOf(terms, t) != 0) return false;
            if (t + 1 < tiers && untilOf(terms, t) <= (t == 0 ? 0 : untilOf(terms, t - 1))) return false;
            if (t + 1 < tiers && untilOf(terms, t) >= 2 ** 127 - 1) return false;
            uint256 sum = 0;
            for (uint256 i = 0; i < payees; ++i) {
                sum += weightAt(terms, i, t);
            }
            if (sum == 0 || sum != totalOf(terms, t)) return false;
        }
        return true;
    }

    // header := format(1) ‖ token(20) ‖ T(1) ‖ T × ( until(16) ‖ total(6) )

    /// @notice 0 where there is no such byte.
    function tierCount(bytes memory terms) public pure returns (uint256) {
        return terms.length < 22 ? 0 : terms.number(21, 1);
    }

    function headerSize(uint256 tiers) public pure returns (uint256) {
        return 1 + 20 + 1 + tiers * (16 + 6);
    }

    function settlementToken(bytes memory terms) public pure returns (address) {
        return address(uint160(terms.number(1, 20)));
    }

    function untilOf(bytes memory terms, uint256 t) public pure returns (uint256) {
        return terms.number(22 + 22 * t, 16);
    }

    function totalOf(bytes memory terms, uint256 t) public pure returns (uint256) {
        return terms.number(22 + 22 * t + 16, 6);
    }

    // entries := N × ( payee(20) ‖ T × weight(4) )

    function entrySize(uint256 tiers) public pure returns (uint256) {
        return 20 + tiers * 4;
    }

    function payeeCount(bytes memory terms) public pure returns (uint256) {
        uint256 tiers = tierCount(terms);
        return (terms.length - headerSize(tiers)) / entrySize(tiers);
    }

    function payeeAt(bytes memory terms, uint256 i) public pure returns (address) {
        return address(uint160(terms.number(_entry(terms, i), 20)));
    }

    function weightAt(bytes memory terms, uint256 i, uint256 t) public pure returns (uint256) {
        return terms.number(_entry(terms, i) + 20 + 4 * t, 4);
    }

    function _entry(bytes memory terms, uint256 i) private pure returns (uint256) {
        return headerSize(tierCount(terms)) + i * entrySize(tierCount(terms));
    }
}
