// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Calldata} from "revshare/lib/Calldata.sol";
import {Delivery} from "revshare/lib/Delivery.sol";
import {ITermsHarness, IMoneyHarness, Stretch} from "./IHarness.sol";
import {MoneyRule} from "revshare/lib/MoneyRule.sol";
import {Payout} from "revshare/lib/Payout.sol";
import {Terms} from "revshare/lib/Terms.sol";

/// @title lib/Terms.sol as a contract, for what no shipped one shows.
contract TermsHarness is ITermsHarness {
    function commitmentOf(bytes calldata terms) external pure returns (bytes32) {
        return Terms.commitmentOf(terms);
    }

    function commitmentOfProof(bytes calldata proof, address payee)
        external
        pure
        returns (bytes32 commitment, uint256 entry)
    {
        uint256 header;
        (commitment, header, entry) = Terms.commitmentOf(proof, payee);
        require(header == Calldata.start(proof) + 4, "where the header begins");
        // As the reference counts: from where the proof begins.
        if (entry != 0) entry -= Calldata.start(proof);
    }

    function validate(bytes calldata terms) external pure returns (bytes32) {
        return Terms.validate(terms);
    }
}

/// @title lib/MoneyRule.sol, lib/Payout.sol and lib/Delivery.sol as a contract that holds money.
contract MoneyHarness is IMoneyHarness {
    receive() external payable {}

    /// @notice What the i-th payee earns, by a plan and by the rule as it is written there.
    function earned(bytes calldata terms, uint256 i, Stretch calldata s)
        external
        pure
        returns (uint256 byPlan, uint256 byRule, bool simple)
    {
        uint256 header = Calldata.start(terms);
        (uint256 entry,) = Terms.entriesOf(terms);
        entry += i * Terms.strideOf(Terms.tierCount(header));
        byRule = MoneyRule.earned(header, entry, s.token, s.base, s.from, s.to);
        if (s.from >= s.to) return (0, byRule, false);
        uint256 p = MoneyRule.plan(header, s.token, s.base, s.from, s.to);
        (byPlan, simple) = (MoneyRule.earnedBy(p, entry), MoneyRule.isSimple(p));
    }

    /// @return stopped Which payee's payment failed, or how many there are.
    function run(bytes calldata terms, Stretch calldata s)
        external
        returns (uint256 stopped, uint256 sent, uint256 amount, bool called)
    {
        uint256 header = Calldata.start(terms);
        uint256 stride = Terms.strideOf(Terms.tierCount(header));
        (uint256 entry, uint256 end) = Terms.entriesOf(terms);
        uint256 plan = MoneyRule.plan(header, s.token, s.base, s.from, s.to);
        (stopped, sent, amount, called) = Payout.run(plan, entry, end, stride, s.token);
        stopped = (stopped - entry) / stride;
    }

    function attempt(address asset, address to, uint256 amount, uint256 held) external returns (bool paid) {
        return Delivery.attempt(asset, to, amount, held);
    }

    function sendAll(address asset, address to, uint256 amount, uint256 held) external {
        Delivery.sendAll(asset, to, amount, held);
    }
}
