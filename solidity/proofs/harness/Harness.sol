// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Calldata} from "src/lib/Calldata.sol";
import {Delivery} from "src/lib/Delivery.sol";
import {MoneyRule} from "src/lib/MoneyRule.sol";
import {Payout} from "src/lib/Payout.sol";
import {Terms} from "src/lib/Terms.sol";

// The libraries by themselves, for proofs to call: as little around them as can be. tools/prove.py compiles this with the
// settings of what is shipped.

/// @title Reads a payee's proof by lib/Terms.sol, as a claim does.
contract Reader {
    function read(bytes calldata proof, address payee, bytes32 expected)
        external
        pure
        returns (bytes memory header, uint256[2] memory weights)
    {
        (uint256 start, uint256 entry) = Terms.accept(proof, payee, expected);
        header = new bytes(Terms.headerLength(Terms.tierCount(start)));
        assembly ("memory-safe") {
            calldatacopy(add(header, 0x20), start, mload(header))
        }
        for (uint256 t = 0; t < 2; ++t) {
            weights[t] = Terms.weightAt(entry, t);
        }
    }
}

/// @title What the `i`-th payee of terms earns: by the rule as it is written, and by the plan and the loop that pays.
contract Rule {
    receive() external payable {}

    function earned(bytes calldata terms, uint256 i, address token, uint256 base, uint256 from, uint256 to)
        external
        pure
        returns (uint256)
    {
        return MoneyRule.earned(Calldata.start(terms), _entryAt(terms, i), token, base, from, to);
    }

    /// @param asset What it is paid in; `token` is what the plan is made for.
    /// @return amount What was paid, or could not be.
    function pay(bytes calldata terms, uint256 i, address token, uint256 base, uint256 from, uint256 to, address asset)
        external
        returns (uint256 amount)
    {
        uint256 plan = MoneyRule.plan(Calldata.start(terms), token, base, from, to);
        uint256 entry = _entryAt(terms, i);
        uint256 stride = Terms.strideOf(Terms.tierCount(Calldata.start(terms)));
        uint256 end = entry + stride;
        (uint256 stopped, uint256 sent, uint256 failed,) = Payout.run(plan, entry, end, stride, asset);
        return stopped == end ? sent : failed;
    }

    function _entryAt(bytes calldata terms, uint256 i) private pure returns (uint256 entry) {
        (entry,) = Terms.entriesOf(terms);
        entry += i * Terms.strideOf(Terms.tierCount(Calldata.start(terms)));
    }
}

/// @title Delivers, by lib/Delivery.sol.
contract Deliverer {
    receive() external payable {}

    function attempt(address asset, address to, uint256 amount, uint256 held) external returns (bool) {
        return Delivery.attempt(asset, to, amount, held);
    }

    function sendAll(address asset, address to, uint256 amount, uint256 held) external {
        Delivery.sendAll(asset, to, amount, held);
    }

    function judge(address asset, address to, uint256 amount, uint256 held, bool called) external view returns (bool) {
        return Delivery.judge(asset, to, amount, held, called);
    }
}
