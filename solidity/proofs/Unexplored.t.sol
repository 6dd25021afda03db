// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Not a proof: true as far as a bounded search looks, and false beyond. tools/prove.py must refuse it.
contract Unexplored {
    function check_a_loop_nobody_has_followed_to_its_end(uint256 n) external pure {
        uint256 turns = 0;
        for (uint256 i = 0; i < n; ++i) {
            ++turns;
        }
        assert(turns < 100);
    }
}
