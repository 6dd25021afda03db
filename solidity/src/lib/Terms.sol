// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Calldata} from "./Calldata.sol";

/// @title The terms of an agreement, packed, and the commitment to them.
/// @notice
///     terms   := header ‖ entries
///     header  := format(1) ‖ token(20) ‖ T(1) ‖ T × ( until(16) ‖ total(6) )
///     entries := N × ( payee(20) ‖ T × weight(4) )           strictly ascending by payee
///
/// `format` is 0. `token` is the settlement token (zero: the coin). `until` is the cumulative revenue at which a tier ends,
/// in units of it; the last tier says 0 and has no end. `total` is the sum of the tier's weights.
///
/// Entries stand on pages of four, the last page holds what is left, and pages are the leaves of a Merkle tree:
///
///     leaf       := keccak256( 0x00 ‖ page )
///     node       := keccak256( 0x01 ‖ left child ‖ right child )         an odd one is carried up as it is
///     commitment := keccak256( 0x02 ‖ root ‖ length of the terms(32) ‖ header )
///
/// The three kinds of hashes begin differently and everything they cover has its length in them, so different bytes have
/// different commitments, whatever the bytes are: from a commitment follow root, length and header; from these the number
/// and the lengths of the pages; from the root, level by level, every page. Bytes too short for the header they announce
/// are a header as a whole, with a root of zero.
///
/// A distribution shows the terms, and a claim one page and its siblings:
///
///     proof := length of the terms(4) ‖ header ‖ place(1) ‖ sides(2) ‖ page ‖ siblings(32 each)
///
/// where `place` is 16 × (entries on the page) + (the payee's number on it, from 0), bit k of `sides` says that sibling k
/// is a left child, and the page lacks the payee's own address, which the claim names anyway.
/// @dev Four entries a page is what costs least (docs/decisions/0006). `commitmentOf` is one of the three places where
///      assembly pays; test/reference/PlainTerms.sol says the same plainly, and is held against it.
library Terms {
    /// @dev The only format so far.
    uint256 internal constant FORMAT = 0;
    uint256 internal constant MAX_TIERS = 8;
    /// @dev Revenue is counted up to here, which keeps every product below 2^159 and the books of a token in one word.
    uint256 internal constant MAX_REVENUE = 2 ** 127 - 1;
    /// @dev Longer terms could not be paid for; 4 bytes hold their length.
    uint256 internal constant MAX_LENGTH = type(uint32).max;

    /// @dev Bytes of the header before its tiers, and of each tier.
    uint256 private constant _TIER = 22;
    uint256 private constant _PAYEE = 20;
    uint256 private constant _WEIGHT = 4;
    uint256 private constant _PAGE = 4;

    /// @dev The terms, or the payee's proof, are not those in force.
    error TermsMismatch(bytes32 expected, bytes32 given);
    /// @dev `length` bytes do not hold a header and a payee, or are more than any terms have.
    error TermsLength(uint256 length);
    /// @dev The format must be 0.
    error UnknownFormat(uint256 format);
    /// @dev There must be 1 to 8 tiers.
    error TierCount(uint256 tiers);
    /// @dev A tier does not end after the one before (the first after 0), or beyond what is counted, or the last ends.
    error TierOutOfOrder(uint256 tier);
    /// @dev A tier's weights do not sum to the total it states, or to nothing.
    error TierTotal(uint256 tier, uint256 stated, uint256 actual);
    /// @dev The entries' bytes are not a multiple of an entry's.
    error EntriesLength(uint256 length, uint256 stride);
    /// @dev Payees must be ascending by address, which also keeps out zero and any that is named twice.
    error PayeeOutOfOrder(uint256 index);
    /// @dev A payee has no weight in any tier.
    error PayeeWithoutWeight(uint256 index);

    // ------------------------------------------------------------------ reading

    // Offsets called `header` and `entry` are offsets in calldata, of terms or a proof that were accepted.

    function tierCount(uint256 header) internal pure returns (uint256) {
        return uint8(Calldata.word(header) >> 80);
    }

    function settlementToken(uint256 header) internal pure returns (address) {
        return address(uint160(Calldata.word(header) >> 88));
    }

    function tier(uint256 header, uint256 t) internal pure returns (uint256 until, uint256 total) {
        unchecked {
            uint256 word = Calldata.word(header + _TIER * (t + 1));
            return (word >> 128, uint48(word >> 80));
        }
    }

    function headerLength(uint256 tiers) internal pure returns (uint256) {
        unchecked {
            return _TIER * (tiers + 1);
        }
    }

    /// @dev Bytes of one entry.
    function strideOf(uint256 tiers) internal pure returns (uint256) {
        unchecked {
            return _PAYEE + _WEIGHT * tiers;
        }
    }

    /// @dev Offsets of the first entry and behind the last.
    function entriesOf(bytes calldata terms) internal pure returns (uint256 first, uint256 end) {
        uint256 header = Calldata.start(terms);
        unchecked {
            return (header + headerLength(tierCount(header)), header + terms.length);
        }
    }

    function payeeAt(uint256 entry) internal pure returns (address) {
        return address(uint160(Calldata.word(entry) >> 96));
    }

    function weightAt(uint256 entry, uint256 t) internal pure returns (uint256) {
        unchecked {
            return Calldata.word(entry + _PAYEE + _WEIGHT * t) >> 224;
        }
    }

    /// @notice The payee's entry; 0 when it has none.
    function find(bytes calldata terms, address payee) internal pure returns (uint256) {
        uint256 stride = strideOf(tierCount(Calldata.start(terms)));
        (uint256 entry, uint256 end) = entriesOf(terms);
        for (; entry < end; entry += stride) {
            if (payeeAt(entry) == payee) return entry;
        }
        return 0;
    }

    /// @notice The first entry whose payee is not below this one, from the entry `from` on (0: from the first); or the end.
    /// @dev Payees are sorted: whoever seeks several in their order goes through the terms once.
    function seek(bytes calldata terms, address payee, uint256 from) internal pure returns (uint256 entry) {
        uint256 stride = strideOf(tierCount(Calldata.start(terms)));
        uint256 end;
        (entry, end) = entriesOf(terms);
        if (from != 0) entry = from;
        while (entry < end && payeeAt(entry) < payee) entry += stride;
    }

    // ------------------------------------------------------------------ accepting

    /// @notice The one way to accept whole terms: they lead to this commitment.
    /// @return header Where they begin.
    /// @dev Reverts: TermsMismatch.
    function accept(bytes calldata terms, bytes32 expected) internal pure returns (uint256 header) {
        bytes32 given = commitmentOf(terms);
        if (given != expected) revert TermsMismatch(expected, given);
        return Calldata.start(terms);
    }

    /// @notice The one way to accept a payee's part of them.
    /// @return header Where the header begins.
    /// @return entry Where the payee's entry would begin: 20 bytes before its weights.
    /// @dev Reverts: TermsMismatch.
    function accept(bytes calldata proof, address payee, bytes32 expected)
        internal
        pure
        returns (uint256 header, uint256 entry)
    {
        bytes32 given;
        (given, header, entry) = commitmentOf(proof, payee);
        if (given != expected) revert TermsMismatch(expected, given);
    }

    // ------------------------------------------------------------------ the commitment

    /// @notice The commitment to any bytes, terms or not; no two have the same.
    function commitmentOf(bytes calldata terms) internal pure returns (bytes32 commitment) {
        assembly ("memory-safe") {
            let tiers := byte(21, calldataload(terms.offset))
            let head := mul(_TIER, add(tiers, 1))
            // Of bytes that are too short all is header; what was read of them, or behind them, does not matter then.
            if gt(head, terms.length) { head := terms.length }
            let page := add(terms.offset, head)
            let left := sub(terms.length, head)
            let full := mul(_PAGE, add(_PAYEE, mul(_WEIGHT, tiers)))
            let copy := mload(0x40)
            let nodes := add(copy, add(full, 1))
            mstore(nodes, 0)

            // Leaves: each page behind its zero byte, copied over the one before.
            if left {
                mstore8(copy, 0)
                let top := nodes
                for {} gt(left, full) { left := sub(left, full) } {
                    calldatacopy(add(copy, 1), page, full)
                    mstore(top, keccak256(copy, add(full, 1)))
                    top := add(top, 0x20)
                    page := add(page, full)
                }
                calldatacopy(add(copy, 1), page, left)
                mstore(top, keccak256(copy, add(left, 1)))

                // Inner nodes, a level at a time, in place. `top` is the level's last node. The byte before a pair
                // belongs to a pair that has been hashed, or to the page.
                for {} gt(top, nodes) {} {
                    let write := nodes
                    let read := nodes
                    for {} lt(read, top) { read := add(read, 0x40) } {
                        mstore8(sub(read, 1), 1)
                        mstore(write, keccak256(sub(read, 1), 0x41))
                        write := add(write, 0x20)
                    }
                    switch eq(read, top)
                    case 1 {
                        mstore(write, mload(read))
                        top := write
                    }
                    default { top := sub(write, 0x20) }
                }
            }

            let root := mload(nodes)
            mstore8(copy, 2)
            mstore(add(copy, 0x01), root)
            mstore(add(copy, 0x21), terms.length)
            calldatacopy(add(copy, 0x41), terms.offset, head)
            commitment := keccak256(copy, add(head, 0x41))
        }
    }

    /// @notice The commitment that a payee's proof leads to.
    /// @return commitment Zero, which nothing leads to, for what has no proof's form.
    /// @return header Where the header begins.
    /// @return entry Where the payee's entry would begin: 20 bytes before its weights.
    function commitmentOf(bytes calldata proof, address payee)
        internal
        pure
        returns (bytes32 commitment, uint256 header, uint256 entry)
    {
        unchecked {
            header = Calldata.start(proof) + 4;
            uint256 tiers = tierCount(header);
            uint256 stride = strideOf(tiers);
            uint256 place = header + headerLength(tiers);
            uint256 word = Calldata.word(place);
            uint256 length = (word >> 252) * stride;
            uint256 before = (uint8(word >> 248) & 15) * stride;
            uint256 next = place + 3 + length - _PAYEE;
            uint256 end = Calldata.start(proof) + proof.length;
            // The payee stands on the page, and behind the page there are whole siblings and nothing else.
            bool wrong;
            assembly ("memory-safe") {
                wrong := or(iszero(lt(before, length)), or(gt(next, end), and(sub(end, next), 31)))
            }
            if (wrong) return (0, header, 0);
            entry = place + 3 + before - _PAYEE;

            bytes32 node = _climb(_leafWith(payee, place + 3, before, length), word >> 232, next, end);
            commitment = _seal(node, Calldata.word(header - 4) >> 224, header, place - header);
        }
    }

    /// @dev The leaf of the page at `page` in calldata, `length` bytes with the payee's address put back behind `before`.
    function _leafWith(address payee, uint256 page, uint256 before, uint256 length) private pure returns (bytes32 leaf) {
        assembly ("memory-safe") {
            let copy := mload(0x40)
            mstore8(copy, 0)
            let to := add(copy, 1)
            calldatacopy(to, page, before)
            mstore(add(to, before), shl(96, payee))
            let behind := add(before, _PAYEE)
            calldatacopy(add(to, behind), add(page, before), sub(length, behind))
            leaf := keccak256(copy, add(length, 1))
        }
    }

    /// @dev From a leaf to the root, by the siblings from `next` to `end` in calldata.
    function _climb(bytes32 leaf, uint256 sides, uint256 next, uint256 end) private pure returns (bytes32 node) {
        assembly ("memory-safe") {
            node := leaf
            let pair := mload(0x40)
            mstore8(pair, 1)
            for {} lt(next, end) { next := add(next, 0x20) } {
                // Where the node goes: behind its sibling if that is a left child.
                let offset := shl(5, and(sides, 1))
                mstore(add(add(pair, 1), offset), node)
                mstore(add(add(pair, 1), xor(offset, 0x20)), calldataload(next))
                node := keccak256(pair, 0x41)
                sides := shr(1, sides)
            }
        }
    }

    function _seal(bytes32 root, uint256 length, uint256 header, uint256 head) private pure returns (bytes32 commitment) {
        assembly ("memory-safe") {
            let copy := mload(0x40)
            mstore8(copy, 2)
            mstore(add(copy, 0x01), root)
            mstore(add(copy, 0x21), length)
            calldatacopy(add(copy, 0x41), header, head)
            commitment := keccak256(copy, add(head, 0x41))
        }
    }

    /// @notice The proof of the payee at `entry` of accepted terms. Not written to be cheap.
    function proofOf(bytes calldata terms, uint256 entry) internal pure returns (bytes memory) {
        (uint256 first, uint256 end) = entriesOf(terms);
        uint256 full = _PAGE * strideOf(tierCount(Calldata.start(terms)));
        bytes32[] memory nodes = new bytes32[]((end - first + full - 1) / full);
        for (uint256 i = 0; i < nodes.length; ++i) {
            nodes[i] = keccak256(bytes.concat(bytes1(0), _page(terms, i, full)));
        }
        uint256 place = (entry - first) / full;
        bytes calldata page = _page(terms, place, full);

        bytes memory siblings;
        uint256 sides;
        for (uint256 count = nodes.length; count > 1; count = (count + 1) / 2) {
            if (place ^ 1 < count) {
                sides |= (place & 1) << siblings.length / 32;
                siblings = bytes.concat(siblings, nodes[place ^ 1]);
            }
            place /= 2;
            for (uint256 i = 0; i < count; i += 2) {
                nodes[i / 2] = i + 1 == count ? nodes[i] : keccak256(bytes.concat(bytes1(0x01), nodes[i], nodes[i + 1]));
            }
        }
        return bytes.concat(_beforeSiblings(terms, page, entry, sides), siblings);
    }

    /// @dev length(4) ‖ header ‖ place(1) ‖ sides(2) ‖ the page without the address at `entry`.
    function _beforeSiblings(bytes calldata terms, bytes calldata page, uint256 entry, uint256 sides)
        private
        pure
        returns (bytes memory)
    {
        uint256 tiers = tierCount(Calldata.start(terms));
        uint256 before = entry - Calldata.start(page);
        uint256 place = 16 * (page.length / strideOf(tiers)) + before / strideOf(tiers);
        return bytes.concat(
            bytes4(uint32(terms.length)),
            terms[:headerLength(tiers)],
            bytes1(uint8(place)),
            bytes2(uint16(sides)),
            page[:before],
            page[before + _PAYEE:]
        );
    }

    /// @dev Page `i`, of `full` bytes unless it is the last.
    function _page(bytes calldata terms, uint256 i, uint256 full) private pure returns (bytes calldata) {
        uint256 from = headerLength(tierCount(Calldata.start(terms))) + i * full;
        return terms[from:from + full < terms.length ? from + full : terms.length];
    }

    // ------------------------------------------------------------------ checking

    /// @notice Checks terms completely and returns their commitment.
    /// @dev Reverts with what is wrong and where. Linear in payees × tiers.
    function validate(bytes calldata terms) internal pure returns (bytes32) {
        uint256 length = terms.length;
        if (length < _TIER || length > MAX_LENGTH) revert TermsLength(length);
        uint256 header = Calldata.start(terms);
        uint256 format = Calldata.word(header) >> 248;
        if (format != FORMAT) revert UnknownFormat(format);
        uint256 tiers = tierCount(header);
        if (tiers == 0 || tiers > MAX_TIERS) revert TierCount(tiers);
        uint256 stride = strideOf(tiers);
        if (length < headerLength(tiers) + stride) revert TermsLength(length);
        (uint256 first, uint256 end) = entriesOf(terms);
        unchecked {
            if ((end - first) % stride != 0) revert EntriesLength(end - first, stride);
        }
        _checkPayees(first, end, stride);
        _checkTiers(header, tiers, first, end, stride);
        return commitmentOf(terms);
    }

    function _checkPayees(uint256 first, uint256 end, uint256 stride) private pure {
        unchecked {
            // The 32 bytes that end where an entry ends hold its weights; this keeps them and drops what is before.
            uint256 weights = type(uint256).max >> 8 * (32 + _PAYEE - stride);
            address previous = address(0);
            for (uint256 entry = first; entry != end; entry += stride) {
                address payee = payeeAt(entry);
                if (payee <= previous) revert PayeeOutOfOrder((entry - first) / stride);
                if (Calldata.word(entry + stride - 32) & weights == 0) {
                    revert PayeeWithoutWeight((entry - first) / stride);
                }
                previous = payee;
            }
        }
    }

    function _checkTiers(uint256 header, uint256 tiers, uint256 first, uint256 end, uint256 stride) private pure {
        unchecked {
            uint256 start = 0;
            for (uint256 t = 0; t < tiers; ++t) {
                (uint256 until, uint256 total) = tier(header, t);
                bool last = t + 1 == tiers;
                if (last ? until != 0 : (until <= start || until >= MAX_REVENUE)) revert TierOutOfOrder(t);
                start = until;
                uint256 sum = 0;
                for (uint256 entry = first; entry != end; entry += stride) {
                    sum += weightAt(entry, t);
                }
                // A tier nobody has a share in would keep its money for ever.
                if (sum != total || sum == 0) revert TierTotal(t, total, sum);
            }
        }
    }
}
