// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Bytes} from "./Bytes.sol";
import {Chance} from "../Chance.sol";
import {OldTerms} from "./OldTerms.sol";
import {PlainTerms} from "./PlainTerms.sol";

/// @title Commitments by a hash that is cut to a few bits, and what is hashed for them.
interface IModel {
    function cut(uint256 bits) external;
    function digestOf(bytes calldata data) external view returns (bytes32);
    function commitmentOf(bytes calldata terms) external returns (bytes32);
    function hashedFor(bytes calldata terms) external returns (bytes[] memory);
    function headerOf(bytes calldata terms) external pure returns (bytes memory);
    function pagesOf(bytes calldata terms) external pure returns (bytes[] memory);
}

abstract contract Cut {
    uint256 private _mask;
    bool private _notes;
    bytes[] private _hashed;

    function cut(uint256 bits) external {
        _mask = 2 ** bits - 1;
    }

    /// @dev The bits that stay are the last ones: digests begin with zeros, as an attacker would look for.
    function digestOf(bytes memory data) public view returns (bytes32) {
        return bytes32(uint256(keccak256(data)) & _mask);
    }

    function hashedFor(bytes calldata terms) external returns (bytes[] memory) {
        (_notes, _hashed) = (true, new bytes[](0));
        _commitTo(terms);
        _notes = false;
        return _hashed;
    }

    function _hash(bytes memory data) internal returns (bytes32) {
        if (_notes) _hashed.push(data);
        return digestOf(data);
    }

    function _commitTo(bytes memory terms) internal virtual;
}

contract Model is Cut, PlainTerms {
    function hash(bytes memory data) internal override returns (bytes32) {
        return _hash(data);
    }

    function _commitTo(bytes memory terms) internal override {
        commitmentOf(terms);
    }
}

contract OldModel is Cut, OldTerms {
    function hash(bytes memory data) internal override returns (bytes32) {
        return _hash(data);
    }

    function _commitTo(bytes memory terms) internal override {
        commitmentOf(terms);
    }
}

/// @title Whether different bytes can have the same commitment otherwise than by a collision of the hash.
/// @notice With a hash cut to a few bits, bytes are made of whatever the commitment to other bytes hashed: pages, nodes, seals,
///         with or without their first byte, behind the header or alone. Where two then have one commitment, two different
///         things with one digest must be among what was hashed for them; else the layout itself has taken one for the other.
contract Collisions {
    using Bytes for bytes;

    IModel private _new;
    IModel private _old;

    function setUp() external {
        (_new, _old) = (IModel(address(new Model())), IModel(address(new OldModel())));
    }

    function testFuzz_onlyTheHashCollides(uint256 seed) external {
        bytes memory terms = _someTerms(seed);
        _new.cut(seed % 2 == 0 ? 16 : 3);
        bytes[] memory hashed = _new.hashedFor(terms);
        uint256 n = Chance.draw(seed, "part") % hashed.length;
        uint256 confused = _search(_new, terms, hashed, n, Chance.draw(seed, "from") % 2);
        require(confused == 0, "two kinds of bytes are one to the commitment");
    }

    /// @notice The search finds what was wrong with the old layout in each terms of two pages, at once.
    function test_theOldLayoutIsConfused() external {
        _old.cut(40);
        uint256 tried = 0;
        for (uint256 seed = 0; seed < 40; ++seed) {
            bytes memory terms = _someTerms(seed);
            if (_old.pagesOf(terms).length != 2) continue;
            bytes[] memory hashed = _old.hashedFor(terms);
            uint256 confused = 0;
            for (uint256 part = 0; part < 2 * hashed.length; ++part) {
                confused += _search(_old, terms, hashed, part / 2, part % 2);
            }
            require(confused != 0, "the search is blind");
            ++tried;
        }
        require(tried > 2, "the search was not tried");
    }

    /// @notice With three bits the hash does collide: the search would see it if commitments did not depend on the bytes.
    function test_theCutHashCollides() external {
        uint256 equal = 0;
        _new.cut(3);
        bytes32 first = _new.commitmentOf(_someTerms(0));
        for (uint256 seed = 1; seed < 64; ++seed) {
            if (_new.commitmentOf(_someTerms(seed)) == first) ++equal;
        }
        require(equal > 1 && equal < 32, "not a hash of three bits");
    }

    // ------------------------------------------------------------------ within

    /// @dev A header of 0 to 2 tiers and up to 5 pages, the last of any length.
    function _someTerms(uint256 seed) private pure returns (bytes memory terms) {
        uint256 tiers = Chance.draw(seed, "tiers") % 3;
        uint256 size = 4 * (20 + 4 * tiers);
        uint256 length = 22 * (1 + tiers) + Chance.draw(seed, "pages") % 5 * size;
        length += Chance.draw(seed, "whole") % 2 == 0 ? size : Chance.draw(seed, "rest") % size;
        terms = Chance.bytesOf(seed, length);
        terms[21] = bytes1(uint8(tiers));
    }

    /// @dev Other bytes are made of the n-th that was hashed for the terms, from its byte `from` on.
    /// @return confused How many pairs have one commitment and no collision to show for it.
    function _search(IModel model, bytes memory terms, bytes[] memory hashed, uint256 n, uint256 from)
        private
        returns (uint256 confused)
    {
        bytes32 commitment = model.commitmentOf(terms);
        bytes memory header = model.headerOf(terms);
        bytes memory part = hashed[n].slice(from, hashed[n].length);
        confused += _compare(model, terms, bytes.concat(header, part), commitment, hashed);
        confused += _compare(model, terms, part, commitment, hashed);
        confused += _compare(model, terms, bytes.concat(terms, part), commitment, hashed);
        confused += _compare(model, terms, _instead(terms, header, n, part), commitment, hashed);
    }

    /// @dev The terms with everything from page `n` on replaced.
    function _instead(bytes memory terms, bytes memory header, uint256 n, bytes memory part)
        private
        pure
        returns (bytes memory)
    {
        uint256 kept = header.length + n * 4 * (20 + 4 * uint256(uint8(terms[21])));
        return kept < terms.length ? bytes.concat(terms.slice(0, kept), part) : part;
    }

    function _compare(IModel model, bytes memory one, bytes memory two, bytes32 commitment, bytes[] memory hashedForOne)
        private
        returns (uint256)
    {
        if (keccak256(one) == keccak256(two)) return 0;
        if (model.commitmentOf(two) != commitment) return 0;
        bytes[] memory hashedForTwo = model.hashedFor(two);
        for (uint256 i = 0; i < hashedForOne.length; ++i) {
            for (uint256 j = 0; j < hashedForTwo.length; ++j) {
                bool same = keccak256(hashedForOne[i]) == keccak256(hashedForTwo[j]);
                if (!same && model.digestOf(hashedForOne[i]) == model.digestOf(hashedForTwo[j])) return 0;
            }
        }
        return 1;
    }
}
