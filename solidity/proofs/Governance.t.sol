// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAmendableSplit} from "revshare/amendable/IAmendableSplit.sol";
import {SplitProof} from "./SplitProof.sol";
import {both, either, svm, vm} from "./Cheats.sol";

/// @title Who may do what to an amendable split, from any state it can be in.
contract GovernanceProof is SplitProof {
    /// @dev `_successor` of AmendableBackOffice: no view shows it.
    bytes32 private constant _SUCCESSOR = bytes32(uint256(13));

    // ------------------------------------------------------------------ the controller, and nobody else

    function check_nobody_else_proposes_an_amendment(address caller) external {
        bytes memory someTerms = svm.createBytes(92, "terms");
        _notByTheController(
            caller, abi.encodeCall(controlled.proposeAmendment, (someTerms, svm.createBytes(92, "terms"), _oneToken()))
        );
    }

    function check_nobody_else_withdraws_an_amendment(address caller) external {
        _notByTheController(caller, abi.encodeCall(controlled.withdrawAmendment, ()));
    }

    function check_nobody_else_names_a_successor(address caller, address successor) external {
        _notByTheController(caller, abi.encodeCall(controlled.proposeController, (successor)));
    }

    function _notByTheController(address caller, bytes memory data) private {
        svm.enableSymbolicStorage(address(controlled));
        vm.assume(caller != controlled.controller());
        assert(!_call(caller, address(controlled), 0, data));
    }

    function check_only_the_successor_accepts_control(address caller) external {
        svm.enableSymbolicStorage(address(controlled));
        address successor = _successor();
        vm.assume(caller != address(0));
        bool done = _call(caller, address(controlled), 0, abi.encodeCall(controlled.acceptControl, ()));
        assert(done == (caller == successor));
        assert(!done || (controlled.controller() == caller && _successor() == address(0)));
    }

    function check_a_successor_is_named_and_does_not_control(address successor) external {
        svm.enableSymbolicStorage(address(controlled));
        address controller = controlled.controller();
        assert(_call(controller, address(controlled), 0, abi.encodeCall(controlled.proposeController, (successor))));
        assert(_successor() == successor && controlled.controller() == controller);
    }

    function check_no_controller_where_a_quorum_decides(address caller, uint256 which, address successor) external {
        svm.enableSymbolicStorage(address(quorate));
        bytes memory data = abi.encodeCall(quorate.proposeController, (successor));
        if (which == 1) data = abi.encodeCall(quorate.withdrawAmendment, ());
        if (which == 2) data = abi.encodeCall(quorate.proposeAmendment, (terms, terms, _oneToken()));
        assert(!_call(caller, address(quorate), 0, data));
    }

    // ------------------------------------------------------------------ a payee's own words

    function check_a_consent_is_revoked_by_its_payee_alone_and_for_ever(
        address caller,
        bytes32 digest,
        address payee,
        bytes32 other
    ) external {
        svm.enableSymbolicStorage(address(quorate));
        bool before = quorate.isRevoked(payee, other);
        assert(_call(caller, address(quorate), 0, abi.encodeCall(quorate.revokeConsent, (digest))));
        assert(quorate.isRevoked(payee, other) == either(before, both(payee == caller, other == digest)));
    }

    function check_nobody_else_redirects_a_credit(address caller) external {
        _anyState(address(split));
        vm.assume(caller != alice);
        uint256 credit = split.credit(alice, address(0));
        bytes memory data = abi.encodeCall(split.redirectCredit, (bob, address(0), svm.createUint256("amount")));
        _call(caller, address(split), 0, data);
        assert(split.credit(alice, address(0)) == credit);
    }

    // ------------------------------------------------------------------ nothing else touches governance

    function check_a_payment_leaves_governance_alone(bytes32 id, uint256 amount) external {
        _leavesGovernanceAlone(amount, abi.encodeCall(controlled.pay, (id, address(0), amount)));
    }

    function check_a_payment_in_tokens_leaves_governance_alone(bytes32 id, uint256 amount) external {
        _leavesGovernanceAlone(0, abi.encodeCall(controlled.pay, (id, address(token), amount)));
    }

    function check_a_payment_with_permit_leaves_governance_alone(bytes32 id, uint256 amount) external {
        _leavesGovernanceAlone(0, abi.encodeCall(controlled.payWithPermit, (id, address(token), amount, 1, 27, 0, 0)));
    }

    function check_a_remittance_leaves_governance_alone(bytes32 id, uint256 amount) external {
        _leavesGovernanceAlone(amount, abi.encodeCall(controlled.remit, (id, address(0), amount, 0, 1)));
    }

    function check_a_claim_leaves_governance_alone(bool coin) external {
        bytes memory proof = controlled.proofOf(alice, terms);
        _leavesGovernanceAlone(0, abi.encodeCall(controlled.claim, (alice, proof, coin ? address(0) : address(token))));
    }

    /// @dev Of an agreement with one payee. Where there are more, each is paid as this one is, one after the other.
    function check_a_distribution_leaves_governance_alone() external {
        bytes memory short = _short();
        controlled = IAmendableSplit(factory.createAmendable(short, _ofController(), 0));
        _leavesGovernanceAlone(0, abi.encodeCall(controlled.distribute, (short, address(token))));
    }

    function check_a_withdrawal_of_credit_leaves_governance_alone(bool coin) external {
        address asset = coin ? address(0) : address(token);
        _leavesGovernanceAlone(0, abi.encodeCall(controlled.withdrawCredit, (alice, asset)));
    }

    function check_a_redirection_of_credit_leaves_governance_alone(uint256 amount) external {
        _leavesGovernanceAlone(0, abi.encodeCall(controlled.redirectCredit, (bob, address(0), amount)));
    }

    /// @dev Part of a distribution. Whoever else calls it is refused.
    function check_a_delivery_leaves_governance_alone(address caller, uint256 amount) external {
        bytes memory data = abi.encodeCall(controlled.deliver, (address(token), alice, amount, address(other)));
        _leavesGovernanceAlone(0, address(controlled), data);
        vm.assume(caller != address(controlled));
        assert(!_call(caller, address(controlled), 0, data));
    }

    function check_a_batch_leaves_governance_alone(address caller, uint256 mark, uint256 to) external {
        bytes memory short = _short();
        bool claimed = svm.createBool("claimed");
        bytes memory data = abi.encodeCall(
            controlled.payAtOnce, (short, short.length - 24, short.length, address(token), mark, to, claimed)
        );
        _leavesGovernanceAlone(0, address(controlled), data);
        vm.assume(caller != address(controlled));
        assert(!_call(caller, address(controlled), 0, data));
    }

    /// @dev Each claim or withdrawal of many is a call of its own, of which the above is proved: none here.
    function check_many_payments_leave_governance_alone(bool claims) external {
        address[] memory payees = new address[](0);
        bytes memory data = abi.encodeCall(controlled.withdrawCredits, (payees, address(0)));
        if (claims) data = abi.encodeCall(controlled.claimMany, (new IAmendableSplit.Claim[](0)));
        _leavesGovernanceAlone(0, data);
    }

    function check_a_revocation_leaves_governance_alone(bytes32 digest) external {
        _leavesGovernanceAlone(0, abi.encodeCall(controlled.revokeConsent, (digest)));
    }

    function _leavesGovernanceAlone(uint256 value, bytes memory data) private {
        _leavesGovernanceAlone(value, alice, data);
    }

    function _leavesGovernanceAlone(uint256 value, address caller, bytes memory data) private {
        _anyState(address(controlled));
        bytes32 before = _governance();
        if (value != 0) vm.deal(caller, value);
        vm.prank(caller);
        (bool done,) = address(controlled).call{value: value}(data);
        done;
        assert(_governance() == before);
    }

    /// @dev Slots 5 and 6 (epoch and commitments, as far as `commitment` shows them) and 9 to 13 of AmendableBackOffice.
    function _governance() private view returns (bytes32) {
        bytes memory words = abi.encode(controlled.commitment(), vm.load(address(controlled), bytes32(uint256(5))));
        for (uint256 slot = 9; slot < 14; ++slot) {
            words = bytes.concat(words, vm.load(address(controlled), bytes32(slot)));
        }
        return keccak256(words);
    }

    function _successor() private view returns (address) {
        return address(uint160(uint256(vm.load(address(controlled), _SUCCESSOR))));
    }
}
