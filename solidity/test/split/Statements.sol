// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Agreement, Agreements} from "../Agreement.sol";
import {IRevenueSplitEvents} from "revshare/split/IRevenueSplit.sol";
import {Terms} from "revshare/lib/Terms.sol";
import {Vm} from "../Vm.sol";

/// @title Statements rebuilt from a split's logs alone, as somebody would who cannot see its storage.
/// @dev It knows the terms (from `SplitCreated`) and the money rule. One per split. A receipt has no logs of calls that were
///      undone; forge's has, so that what precedes a `PaymentSkipped` and was undone with it is left out here, and so is a
///      `Credited` of a batch that was undone: the same payee is credited once more before the distribution ends.
contract Statements {
    using Agreements for Agreement;

    address private immutable _SPLIT;
    Agreement private _agreement;

    /// @notice Revenue up to which everybody was paid or credited.
    mapping(address token => uint256) public distributed;
    mapping(address token => mapping(address payee => uint256)) public mark;
    mapping(address token => mapping(address payee => uint256)) public credit;
    mapping(address token => mapping(address payee => uint256)) public paid;
    mapping(address token => uint256) public paidOut;

    // Over all time, for those who ask where a credit has gone.
    mapping(address token => mapping(address payee => uint256)) public credited;
    mapping(address token => mapping(address payee => uint256)) public withdrawn;
    mapping(address payer => mapping(bytes32 id => uint256)) public salesPaid;
    mapping(address payer => mapping(bytes32 id => uint256)) public batchesPaid;
    uint256 public skipped;

    constructor(address split, Agreement memory agreement) {
        _SPLIT = split;
        _agreement = agreement;
    }

    /// @notice Takes in the logs of one transaction, in order.
    function read(Vm.Log[] memory logs) external {
        for (uint256 n = 0; n < logs.length; ++n) {
            if (logs[n].emitter != _SPLIT || _undone(logs, n)) continue;
            bytes32 what = logs[n].topics[0];
            address who = logs[n].topics.length > 1 ? address(uint160(uint256(logs[n].topics[1]))) : address(0);
            if (what == IRevenueSplitEvents.Distributed.selector) {
                (uint256 from, uint256 to) = abi.decode(logs[n].data, (uint256, uint256));
                _distributed(who, from, to);
            } else if (what == IRevenueSplitEvents.SalePaid.selector) {
                ++salesPaid[who][logs[n].topics[2]];
            } else if (what == IRevenueSplitEvents.Remitted.selector) {
                ++batchesPaid[who][logs[n].topics[2]];
            } else if (what == IRevenueSplitEvents.PaymentSkipped.selector) {
                ++skipped;
            } else {
                _ofOnePayee(what, who, address(uint160(uint256(logs[n].topics[2]))), logs[n].data);
            }
        }
    }

    /// @dev One of many that failed after it was entered: what the split says next is that it was skipped, and for such a reason.
    function _undone(Vm.Log[] memory logs, uint256 n) private view returns (bool) {
        bytes32 what = logs[n].topics[0];
        if (what == IRevenueSplitEvents.Credited.selector) return _creditedOnceMore(logs, n);
        if (what != IRevenueSplitEvents.Claimed.selector && what != IRevenueSplitEvents.CreditWithdrawn.selector) return false;
        uint256 next = n + 1;
        while (next < logs.length && logs[next].emitter != _SPLIT) ++next;
        if (next == logs.length || logs[next].topics[0] != IRevenueSplitEvents.PaymentSkipped.selector) return false;
        if (logs[next].topics[1] != logs[n].topics[1] || logs[next].topics[2] != logs[n].topics[2]) return false;
        return abi.decode(logs[next].data, (bytes4)) != IRevenueSplitEvents.NothingDue.selector
            && abi.decode(logs[next].data, (bytes4)) != Terms.TermsMismatch.selector;
    }

    function _creditedOnceMore(Vm.Log[] memory logs, uint256 n) private view returns (bool) {
        for (uint256 next = n + 1; next < logs.length; ++next) {
            if (logs[next].emitter != _SPLIT) continue;
            if (logs[next].topics[0] == IRevenueSplitEvents.Distributed.selector) return false;
            if (
                logs[next].topics[0] == logs[n].topics[0] && logs[next].topics[1] == logs[n].topics[1]
                    && logs[next].topics[2] == logs[n].topics[2]
            ) return true;
        }
        return false;
    }

    function _distributed(address token, uint256 from, uint256 to) private {
        Agreement memory a = _agreement;
        require(from == distributed[token], "a distribution does not begin where the last one ended");
        require(to > from, "a distribution of nothing");
        for (uint256 i = 0; i < a.payees.length; ++i) {
            uint256 since = markOf(a.payees[i], token);
            if (since >= to) continue;
            uint256 earned = a.entitlement(i, token, to) - a.entitlement(i, token, since);
            // What was credited has been taken off already, so that the sums may have gone below nothing.
            unchecked {
                paid[token][a.payees[i]] += earned;
                paidOut[token] += earned;
            }
        }
        distributed[token] = to;
    }

    function _ofOnePayee(bytes32 what, address payee, address token, bytes memory data) private {
        if (what == IRevenueSplitEvents.Claimed.selector) {
            (uint256 to, uint256 amount) = abi.decode(data, (uint256, uint256));
            require(to > markOf(payee, token), "a claim does not begin where the last payment ended");
            mark[token][payee] = to;
            paid[token][payee] += amount;
            paidOut[token] += amount;
        } else if (what == IRevenueSplitEvents.Credited.selector) {
            // It comes before the entry of its distribution, which will say that this was paid: it was not.
            uint256 amount = abi.decode(data, (uint256));
            credit[token][payee] += amount;
            credited[token][payee] += amount;
            unchecked {
                paid[token][payee] -= amount;
                paidOut[token] -= amount;
            }
        } else if (what == IRevenueSplitEvents.CreditWithdrawn.selector) {
            (, uint256 amount) = abi.decode(data, (address, uint256));
            credit[token][payee] -= amount;
            withdrawn[token][payee] += amount;
            paid[token][payee] += amount;
            paidOut[token] += amount;
        } else {
            revert("an event nobody knows");
        }
    }

    function markOf(address payee, address token) public view returns (uint256) {
        uint256 own = mark[token][payee];
        return own > distributed[token] ? own : distributed[token];
    }
}
