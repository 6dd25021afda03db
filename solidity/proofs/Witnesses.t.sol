// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAmendments} from "revshare/amendable/IAmendableSplit.sol";
import {SplitProof} from "./SplitProof.sol";
import {svm, vm} from "./Cheats.sol";

/// @title The opposite of what the proofs about splits rely on: each claim is false, and halmos must find out.
/// @dev "It is always refused" holds of anything that is refused for another reason. So here: it is not always refused.
contract SplitWitness is SplitProof {
    function check_no_payment_ever_succeeds(bytes32 id, uint256 amount) external {
        svm.enableSymbolicStorage(address(split));
        assert(!_call(alice, address(split), amount, abi.encodeCall(split.pay, (id, address(0), amount))));
    }

    function check_no_payment_in_tokens_ever_succeeds(bytes32 id, uint256 amount) external {
        svm.enableSymbolicStorage(address(split));
        assert(!_call(alice, address(split), 0, abi.encodeCall(split.pay, (id, address(token), amount))));
    }

    function check_no_credit_is_ever_withdrawn() external {
        svm.enableSymbolicStorage(address(split));
        vm.deal(address(split), 100);
        assert(!_call(bob, address(split), 0, abi.encodeCall(split.withdrawCredit, (alice, address(0)))));
    }

    function check_no_amendment_is_ever_proposed() external {
        assert(
            !_call(FIRST_CONTROLLER, address(controlled), 0, abi.encodeCall(controlled.proposeAmendment, (terms, termsOf(1, 1), new address[](0))))
        );
    }

    /// @dev From its beginning: it announces, waits, and amends.
    function check_no_controller_ever_amends(uint32 time) external {
        bytes memory proposal = abi.encodeCall(controlled.proposeAmendment, (terms, termsOf(1, 1), new address[](0)));
        assert(_call(FIRST_CONTROLLER, address(controlled), 0, proposal));
        vm.warp(uint256(time) + 365 days);
        assert(!_amends(address(controlled), new IAmendments.Consent[](0), 0));
    }

    /// @dev alice holds three quarters.
    function check_no_majority_ever_amends(uint64 time) external {
        vm.warp(time);
        IAmendments.Consent[] memory consents = new IAmendments.Consent[](1);
        consents[0] = IAmendments.Consent(0, svm.createBytes(65, "signature"));
        assert(!_amends(address(quorate), consents, time));
    }

    function _amends(address what, IAmendments.Consent[] memory consents, uint256 deadline) private returns (bool) {
        bytes memory data = abi.encodeCall(quorate.amend, (terms, termsOf(1, 1), new address[](0), consents, deadline));
        return _call(bob, what, 0, data);
    }
}
