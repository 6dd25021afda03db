// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title The terms of an agreement, packed, and the commitment to them.
/// @notice
///     terms   := header ‖ entries
///     header  := kind(1) ‖ token(20) ‖ T(1) ‖ T × ( until(16) ‖ total(6) )
///     entries := N × ( payee(20) ‖ T × weight(4) )           strictly ascending by payee
///
/// `token` is the settlement token (zero: the coin). `until` is the cumulative revenue at which a tier ends, in units of
/// it; the last tier says 0 and has no end. `total` is the sum of the tier's weights.
///
/// Entries stand on pages of four, and the pages are the leaves of a Merkle tree:
///
///     leaf       := keccak256( 0x00 ‖ page )
///     node       := keccak256( left child ‖ right child )                an odd one is carried up as it is
///     commitment := keccak256( root ‖ header )
///
/// so that a distribution shows the terms, and a claim one page and its siblings:
///
///     proof := header ‖ place(1) ‖ sides(2) ‖ page ‖ siblings(32 each)
///
/// where `place` is 16 × (entries on the page) + (the payee's number on it, from 0), bit k of `sides` says that sibling k
/// is a left child, and the page lacks the payee's own address, which the claim names anyway.
/// @dev A page behind its zero byte has an odd length, so it can never be taken for the 64 bytes of an inner node. Four
///      entries a page is what costs least: trees over single entries cost creation 170 gas a payee more, pages of eight
///      cost a claim among ten 900 more (docs/decisions).
/// What it is not: a parser of untrusted terms. `validate` is; everything else acts on terms whose commitment matched.
/// Offsets called `header` and `entry` are offsets in calldata.
library Terms {
    /// @dev The only kind so far: terms that never change.
    uint256 internal constant IMMUTABLE = 0;
    uint256 internal constant MAX_TIERS = 8;
    /// @dev Revenue is counted up to here, which keeps every product below 2^159 and the books of a token in one word.
    uint256 internal constant MAX_REVENUE = 0x7fffffffffffffffffffffffffffffff;

    uint256 private constant _TIER = 22;
    uint256 private constant _PAYEE = 20;
    uint256 private constant _WEIGHT = 4;

    /// @dev `length` bytes do not hold a header, or no payee.
    error TermsTooShort(uint256 length);
    /// @dev The kind must be 0.
    error UnknownKind(uint256 kind);
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

    function headerOf(bytes calldata terms) internal pure returns (uint256 header) {
        assembly ("memory-safe") {
            header := terms.offset
        }
    }

    function tierCount(uint256 header) internal pure returns (uint256 tiers) {
        assembly ("memory-safe") {
            tiers := byte(21, calldataload(header))
        }
    }

    function settlementToken(uint256 header) internal pure returns (address token) {
        assembly ("memory-safe") {
            token := shr(96, calldataload(add(header, 1)))
        }
    }

    function tier(uint256 header, uint256 t) internal pure returns (uint256 until, uint256 total) {
        assembly ("memory-safe") {
            let word := calldataload(add(header, mul(_TIER, add(t, 1))))
            until := shr(128, word)
            total := and(shr(80, word), 0xffffffffffff)
        }
    }

    function headerLength(uint256 tiers) internal pure returns (uint256) {
        unchecked {
            return _TIER * (1 + tiers);
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
        assembly ("memory-safe") {
            let tiers := byte(21, calldataload(terms.offset))
            first := add(terms.offset, mul(_TIER, add(tiers, 1)))
            end := add(terms.offset, terms.length)
        }
    }

    function payeeAt(uint256 entry) internal pure returns (address payee) {
        assembly ("memory-safe") {
            payee := shr(96, calldataload(entry))
        }
    }

    function weightAt(uint256 entry, uint256 t) internal pure returns (uint256 weight) {
        assembly ("memory-safe") {
            weight := shr(224, calldataload(add(add(entry, _PAYEE), mul(_WEIGHT, t))))
        }
    }

    // ------------------------------------------------------------------ the commitment

    /// @notice The commitment that whole terms lead to; whatever is wrong with them shows as another one.
    function commitmentOf(bytes calldata terms) internal pure returns (bytes32 commitment) {
        assembly ("memory-safe") {
            let tiers := byte(21, calldataload(terms.offset))
            let head := mul(_TIER, add(tiers, 1))
            let page := add(terms.offset, head)
            let end := add(terms.offset, terms.length)
            let full := shl(2, add(_PAYEE, mul(_WEIGHT, tiers)))
            if lt(page, end) {
                // Leaves: each page behind a zero byte, copied over the one before.
                let copy := mload(0x40)
                mstore8(copy, 0)
                let nodes := add(copy, add(full, 1))
                let top := nodes
                for {} gt(sub(end, page), full) { page := add(page, full) } {
                    calldatacopy(add(copy, 1), page, full)
                    mstore(top, keccak256(copy, add(full, 1)))
                    top := add(top, 0x20)
                }
                calldatacopy(add(copy, 1), page, sub(end, page))
                mstore(top, keccak256(copy, add(sub(end, page), 1)))

                // Inner nodes, a level at a time, in place. `top` is the level's last node.
                for {} gt(top, nodes) {} {
                    let write := nodes
                    let read := nodes
                    for {} lt(read, top) { read := add(read, 0x40) } {
                        mstore(write, keccak256(read, 0x40))
                        write := add(write, 0x20)
                    }
                    switch eq(read, top)
                    case 1 {
                        mstore(write, mload(read))
                        top := write
                    }
                    default { top := sub(write, 0x20) }
                }

                mstore(copy, mload(nodes))
                calldatacopy(add(copy, 0x20), terms.offset, head)
                commitment := keccak256(copy, add(head, 0x20))
            }
        }
    }

    /// @notice The commitment that a payee's proof leads to, and where its entry would start: 20 bytes before its weights.
    /// @dev Without branches, which cost more here than what they would leave out.
    function commitmentOf(bytes calldata proof, address payee)
        internal
        pure
        returns (bytes32 commitment, uint256 entry)
    {
        assembly ("memory-safe") {
            let tiers := byte(21, calldataload(proof.offset))
            let head := mul(_TIER, add(tiers, 1))
            let stride := add(_PAYEE, shl(2, tiers))
            let page := add(proof.offset, head)
            let word := calldataload(page)
            let length := mul(shr(252, word), stride)
            let before := mul(and(shr(248, word), 15), stride)
            page := add(page, 3)

            // The leaf: a zero byte and the page, the payee's address put back. Were its place not on the page, the page
            // would be hashed without it, and its weights be read elsewhere: then the byte is one, which no leaf begins with.
            let onPage := lt(before, length)
            let copy := mload(0x40)
            mstore8(copy, iszero(onPage))
            let to := add(copy, 1)
            calldatacopy(to, page, before)
            to := add(to, before)
            page := add(page, before)
            mstore(to, shl(96, payee))
            entry := sub(page, _PAYEE)
            let rest := mul(onPage, sub(sub(length, before), _PAYEE))
            calldatacopy(add(to, _PAYEE), page, rest)
            let node := keccak256(copy, add(length, 1))

            // Bit 5 of `sides`, the next sibling's side, is at once the place of the node beside it.
            let sides := shr(227, word)
            let end := add(proof.offset, proof.length)
            for { page := add(page, rest) } lt(page, end) { page := add(page, 0x20) } {
                let at := and(sides, 0x20)
                mstore(xor(at, 0x20), calldataload(page))
                mstore(at, node)
                sides := shr(1, sides)
                node := keccak256(0x00, 0x40)
            }

            mstore(copy, node)
            calldatacopy(add(copy, 0x20), proof.offset, head)
            commitment := keccak256(copy, add(head, 0x20))
        }
    }

    /// @notice The proof of the payee at `entry` of matching terms. Not written to be cheap.
    function proofOf(bytes calldata terms, uint256 entry) internal pure returns (bytes memory) {
        (uint256 first, uint256 end) = entriesOf(terms);
        uint256 full = 4 * strideOf(tierCount(headerOf(terms)));
        bytes32[] memory nodes = new bytes32[]((end - first + full - 1) / full);
        for (uint256 i = 0; i < nodes.length; ++i) {
            nodes[i] = keccak256(bytes.concat(bytes1(0), _page(terms, first + i * full, full)));
        }
        uint256 at = (entry - first) / full;
        bytes calldata page = _page(terms, first + at * full, full);

        bytes memory siblings;
        uint256 sides;
        for (uint256 count = nodes.length; count > 1; count = (count + 1) / 2) {
            if (at ^ 1 < count) {
                sides |= (at & 1) << siblings.length / 32;
                siblings = bytes.concat(siblings, nodes[at ^ 1]);
            }
            at /= 2;
            for (uint256 i = 0; i < count; i += 2) {
                nodes[i / 2] = i + 1 == count ? nodes[i] : keccak256(bytes.concat(nodes[i], nodes[i + 1]));
            }
        }
        return bytes.concat(_placeOf(terms, page, entry, sides), siblings);
    }

    /// @dev header ‖ place(1) ‖ sides(2) ‖ the page without the address at `entry`.
    function _placeOf(bytes calldata terms, bytes calldata page, uint256 entry, uint256 sides)
        private
        pure
        returns (bytes memory)
    {
        uint256 tiers = tierCount(headerOf(terms));
        uint256 before;
        assembly ("memory-safe") {
            before := sub(entry, page.offset)
        }
        uint256 place = 16 * (page.length / strideOf(tiers)) + before / strideOf(tiers);
        return bytes.concat(
            terms[:headerLength(tiers)],
            bytes1(uint8(place)),
            bytes2(uint16(sides)),
            page[:before],
            page[before + _PAYEE:]
        );
    }

    function _page(bytes calldata terms, uint256 from, uint256 full) private pure returns (bytes calldata page) {
        uint256 base = headerOf(terms);
        uint256 end = from + full - base;
        return terms[from - base:end < terms.length ? end : terms.length];
    }

    // ------------------------------------------------------------------ checking

    /// @notice Checks terms completely and returns their commitment.
    /// @dev Reverts with what is wrong and where. Linear in payees × tiers.
    function validate(bytes calldata terms) internal pure returns (bytes32) {
        uint256 header = headerOf(terms);
        uint256 kind;
        assembly ("memory-safe") {
            kind := byte(0, calldataload(header))
        }
        if (terms.length < _TIER) revert TermsTooShort(terms.length);
        if (kind != IMMUTABLE) revert UnknownKind(kind);
        uint256 tiers = tierCount(header);
        if (tiers == 0 || tiers > MAX_TIERS) revert TierCount(tiers);
        uint256 stride = strideOf(tiers);
        if (terms.length < headerLength(tiers) + stride) revert TermsTooShort(terms.length);
        (uint256 first, uint256 end) = entriesOf(terms);
        unchecked {
            if ((end - first) % stride != 0) revert EntriesLength(end - first, stride);
        }
        _checkPayees(first, end, stride);
        _checkTiers(header, tiers, first, end, stride);
        return commitmentOf(terms);
    }

    function _checkPayees(uint256 first, uint256 end, uint256 stride) private pure {
        uint256 entry = first;
        uint256 weights;
        assembly ("memory-safe") {
            // The 32 bytes that end where an entry ends hold its weights; this keeps them and drops what is before.
            let mask := shr(shl(3, sub(52, stride)), not(0))
            for { let previous := 0 } lt(entry, end) { entry := add(entry, stride) } {
                let payee := shr(96, calldataload(entry))
                weights := and(calldataload(add(entry, sub(stride, 32))), mask)
                if iszero(and(gt(payee, previous), gt(weights, 0))) { break }
                previous := payee
            }
        }
        unchecked {
            if (entry < end) {
                uint256 index = (entry - first) / stride;
                if (weights == 0) revert PayeeWithoutWeight(index);
                revert PayeeOutOfOrder(index);
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
                assembly ("memory-safe") {
                    let weight := add(add(first, _PAYEE), mul(_WEIGHT, t))
                    for {} lt(weight, end) { weight := add(weight, stride) } {
                        sum := add(sum, shr(224, calldataload(weight)))
                    }
                }
                // A tier nobody has a share in would keep its money for ever.
                if (sum != total || sum == 0) revert TierTotal(t, total, sum);
            }
        }
    }
}
