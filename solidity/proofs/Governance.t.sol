// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAmendments} from "revshare/IAmendableSplit.sol";
import {SplitProof} from "./SplitProof.sol";
import {svm, vm} from "./Cheats.sol";

/// @title Who may do what to an amendable split, from any state it can be in.
contract GovernanceProof is SplitProof {
    /// @dev `successor` in AmendableState.Amendments: no view shows it.
    bytes32 private constant _SUCCESSOR = 0xaedcb7260062f360ff23c9670dbdb30ac34cc7eb3a93ca26076322ae85430a06;

    // ------------------------------------------------------------------ the controller, and nobody else

    function check_nobody_else_proposes_an_amendment(address caller) external {
        _notByTheController(
            caller, abi.encodeCall(controlled.proposeAmendment, (svm.createBytes(92, "terms"), svm.createBytes(92, "terms")))
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

    // ------------------------------------------------------------------ notice

    function check_a_proposal_is_ready_after_the_notice(uint32 a, uint32 b, uint64 time) external {
        svm.enableSymbolicStorage(address(controlled));
        vm.warp(time);
        bytes memory newTerms = termsOf(a, b);
        address controller = controlled.controller();
        bool done =
            _call(controller, address(controlled), 0, abi.encodeCall(controlled.proposeAmendment, (terms, newTerms)));
        (bytes32 proposed, uint256 readyAt) = controlled.proposal();
        assert(!done || (proposed == commitmentOf(newTerms) && readyAt == uint256(time) + NOTICE));
    }

    function check_no_controller_amends_without_notice(address caller, uint32 a, uint32 b, uint64 time, uint256 deadline)
        external
    {
        svm.enableSymbolicStorage(address(controlled));
        vm.warp(time);
        bytes memory newTerms = termsOf(a, b);
        (bytes32 proposed, uint256 readyAt) = controlled.proposal();
        vm.assume(proposed != commitmentOf(newTerms) || time < readyAt);
        assert(!_amend(caller, address(controlled), newTerms, _oneConsent(), deadline));
    }

    // ------------------------------------------------------------------ consent

    function check_no_controller_where_a_quorum_decides(address caller, uint256 which, address successor) external {
        svm.enableSymbolicStorage(address(quorate));
        bytes memory data = abi.encodeCall(quorate.proposeController, (successor));
        if (which == 1) data = abi.encodeCall(quorate.withdrawAmendment, ());
        if (which == 2) data = abi.encodeCall(quorate.proposeAmendment, (terms, terms));
        assert(!_call(caller, address(quorate), 0, data));
    }

    function check_nobody_amends_without_consent(address caller, uint32 a, uint32 b, uint256 deadline) external {
        svm.enableSymbolicStorage(address(quorate));
        assert(!_amend(caller, address(quorate), termsOf(a, b), new IAmendments.Consent[](0), deadline));
    }

    /// @dev Whatever it signed, whatever an ERC-1271 signer answers: bob holds a quarter, and two thirds are needed.
    function check_a_minority_does_not_amend(address caller, uint32 a, uint32 b, uint256 deadline) external {
        svm.enableSymbolicStorage(address(quorate));
        IAmendments.Consent[] memory consents = _oneConsent();
        vm.assume(consents[0].index != 0);
        assert(!_amend(caller, address(quorate), termsOf(a, b), consents, deadline));
    }

    function check_no_consent_outlives_its_deadline(address caller, uint32 a, uint32 b, uint64 time, uint256 deadline)
        external
    {
        svm.enableSymbolicStorage(address(quorate));
        vm.warp(time);
        vm.assume(time > deadline);
        assert(!_amend(caller, address(quorate), termsOf(a, b), _oneConsent(), deadline));
    }

    function check_an_immutable_split_has_no_amendments(address caller, uint32 a, uint32 b, uint256 deadline) external {
        svm.enableSymbolicStorage(address(split));
        assert(!_amend(caller, address(split), termsOf(a, b), _oneConsent(), deadline));
    }

    // ------------------------------------------------------------------ a payee's own credit

    function check_nobody_else_redirects_a_credit(address caller) external {
        svm.enableSymbolicStorage(address(split));
        vm.deal(address(split), svm.createUint256("balance"));
        vm.assume(caller != alice);
        uint256 credit = split.credit(alice, address(0));
        _call(caller, address(split), 0, abi.encodeCall(split.redirectCredit, (bob, address(0))));
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

    function check_a_withdrawal_of_credit_leaves_governance_alone() external {
        _leavesGovernanceAlone(0, abi.encodeCall(controlled.withdrawCredit, (alice, address(0))));
    }

    function check_a_redirection_of_credit_leaves_governance_alone() external {
        _leavesGovernanceAlone(0, abi.encodeCall(controlled.redirectCredit, (bob, address(0))));
    }

    function _leavesGovernanceAlone(uint256 value, bytes memory data) private {
        svm.enableSymbolicStorage(address(controlled));
        bytes32 before = _governance();
        _call(alice, address(controlled), value, data);
        assert(_governance() == before);
    }

    function _governance() private view returns (bytes32) {
        (bytes32 proposed, uint256 readyAt) = controlled.proposal();
        return keccak256(
            abi.encode(
                proposed, readyAt, controlled.controller(), _successor(), controlled.epoch(), controlled.commitment()
            )
        );
    }

    function _successor() private view returns (address) {
        return address(uint160(uint256(vm.load(address(controlled), _SUCCESSOR))));
    }

    function _oneConsent() private returns (IAmendments.Consent[] memory consents) {
        consents = new IAmendments.Consent[](1);
        consents[0] = IAmendments.Consent(svm.createUint256("index"), svm.createBytes(65, "signature"));
    }

    function _amend(
        address caller,
        address what,
        bytes memory newTerms,
        IAmendments.Consent[] memory consents,
        uint256 deadline
    ) private returns (bool) {
        address[] memory tokens = new address[](1);
        tokens[0] = address(token);
        return _call(caller, what, 0, abi.encodeCall(quorate.amend, (terms, newTerms, tokens, consents, deadline)));
    }
}
