// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAmendableSplit} from "revshare/amendable/IAmendableSplit.sol";
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

    function check_no_payment_with_permit_ever_succeeds(bytes32 id, uint256 amount) external {
        svm.enableSymbolicStorage(address(split));
        bytes memory data = abi.encodeCall(split.payWithPermit, (id, address(token), amount, 1, 27, 0, 0));
        assert(!_call(alice, address(split), 0, data));
    }

    function check_no_remittance_ever_succeeds(bytes32 id, uint256 amount) external {
        svm.enableSymbolicStorage(address(split));
        assert(!_call(alice, address(split), amount, abi.encodeCall(split.remit, (id, address(0), amount, 0, 1))));
    }

    function check_no_credit_is_ever_withdrawn() external {
        _anyState(address(split));
        assert(!_call(bob, address(split), 0, abi.encodeCall(split.withdrawCredit, (alice, address(0)))));
    }

    function check_no_credit_is_ever_redirected(uint256 amount) external {
        _anyState(address(split));
        assert(!_call(alice, address(split), 0, abi.encodeCall(split.redirectCredit, (bob, address(0), amount))));
    }

    function check_nothing_is_ever_claimed() external {
        bytes memory proof = controlled.proofOf(alice, terms);
        _anyState(address(controlled));
        assert(!_call(bob, address(controlled), 0, abi.encodeCall(controlled.claim, (alice, proof, address(0)))));
    }

    function check_nothing_is_ever_distributed() external {
        controlled = IAmendableSplit(factory.createAmendable(_short(), _ofController(), 0));
        _anyState(address(controlled));
        bytes memory data = abi.encodeCall(controlled.distribute, (_short(), address(token)));
        assert(!_call(alice, address(controlled), 0, data));
    }

    function check_nothing_is_ever_delivered(uint256 amount) external {
        _anyState(address(controlled));
        bytes memory data = abi.encodeCall(controlled.deliver, (address(token), alice, amount, address(other)));
        vm.prank(address(controlled));
        (bool done,) = address(controlled).call(data);
        assert(!done);
    }

    function check_control_is_never_accepted(address caller) external {
        svm.enableSymbolicStorage(address(controlled));
        assert(!_call(caller, address(controlled), 0, abi.encodeCall(controlled.acceptControl, ())));
    }

    /// @dev From its beginning: it announces, waits, and amends.
    function check_no_controller_ever_amends(uint32 time) external {
        bytes memory proposal = abi.encodeCall(controlled.proposeAmendment, (terms, termsOf(1, 1), new address[](0)));
        assert(_call(FIRST_CONTROLLER, address(controlled), 0, proposal));
        vm.warp(uint256(time) + 7 days);
        bytes memory data = abi.encodeCall(
            controlled.amend,
            (terms, termsOf(1, 1), new address[](0), new IAmendableSplit.Consent[](0), 0)
        );
        assert(!_call(bob, address(controlled), 0, data));
    }
}
