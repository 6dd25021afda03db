// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAmendableSplit} from "revshare/amendable/IAmendableSplit.sol";
import {SplitProof} from "./SplitProof.sol";
import {svm, vm} from "./Cheats.sol";

/// @title A payer's sale id, and its batch id, is taken once.
/// @dev By induction over calls, each in any state there is: a used id is refused, a payment that succeeds uses its id and no
///      other, and no other call unmarks an id. A token that re-enters gets no further.
contract OnceOnlyProof is SplitProof {
    // ------------------------------------------------------------------ a used id is refused

    function check_a_used_sale_id_is_refused(address payer, bytes32 id, address asset, uint256 amount, uint256 value)
        external
    {
        svm.enableSymbolicStorage(address(split));
        vm.assume(split.isSalePaid(payer, id));
        assert(!_call(payer, address(split), value, abi.encodeCall(split.pay, (id, asset, amount))));
    }

    function check_a_used_sale_id_is_refused_with_permit(address payer, bytes32 id, uint256 amount, uint256 deadline)
        external
    {
        svm.enableSymbolicStorage(address(split));
        vm.assume(split.isSalePaid(payer, id));
        assert(!_call(payer, address(split), 0, _permit(id, amount, deadline)));
    }

    function check_a_used_batch_id_is_refused(
        address payer,
        bytes32 id,
        address asset,
        uint256 amount,
        bytes32 root,
        uint256 count,
        uint256 value
    ) external {
        svm.enableSymbolicStorage(address(split));
        vm.assume(split.isRemitted(payer, id));
        assert(!_call(payer, address(split), value, abi.encodeCall(split.remit, (id, asset, amount, root, count))));
    }

    // ------------------------------------------------------------------ a payment uses its id, and no other

    function check_a_payment_uses_its_id_and_no_other(
        address payer,
        bytes32 id,
        uint256 amount,
        uint256 value,
        address otherPayer,
        bytes32 otherId
    ) external {
        svm.enableSymbolicStorage(address(split));
        vm.assume(otherPayer != payer || otherId != id);
        (bool before, bool beforeBatch) = (split.isSalePaid(otherPayer, otherId), split.isRemitted(payer, id));
        bool done = _call(payer, address(split), value, abi.encodeCall(split.pay, (id, _anyAsset(), amount)));
        assert(!done || split.isSalePaid(payer, id));
        assert(split.isSalePaid(otherPayer, otherId) == before);
        assert(split.isRemitted(payer, id) == beforeBatch);
    }

    function check_a_payment_with_permit_uses_its_id_and_no_other(
        address payer,
        bytes32 id,
        uint256 amount,
        uint256 deadline,
        address otherPayer,
        bytes32 otherId
    ) external {
        svm.enableSymbolicStorage(address(split));
        vm.assume(otherPayer != payer || otherId != id);
        bool before = split.isSalePaid(otherPayer, otherId);
        bool done = _call(payer, address(split), 0, _permit(id, amount, deadline));
        assert(!done || split.isSalePaid(payer, id));
        assert(split.isSalePaid(otherPayer, otherId) == before);
    }

    function check_a_remittance_uses_its_id_and_no_other(
        address payer,
        bytes32 id,
        uint256 amount,
        uint256 value,
        address otherPayer,
        bytes32 otherId
    ) external {
        svm.enableSymbolicStorage(address(split));
        vm.assume(otherPayer != payer || otherId != id);
        (bool before, bool beforeSale) = (split.isRemitted(otherPayer, otherId), split.isSalePaid(payer, id));
        bool done = _call(payer, address(split), value, abi.encodeCall(split.remit, (id, _anyAsset(), amount, 0, 1)));
        assert(!done || split.isRemitted(payer, id));
        assert(split.isRemitted(otherPayer, otherId) == before);
        assert(split.isSalePaid(payer, id) == beforeSale);
    }

    // ------------------------------------------------------------------ nothing unmarks an id

    /// @dev Of an agreement with one payee. Where there are more, each is paid as this one is, one after the other.
    function check_a_distribution_unmarks_nothing(address payer, bytes32 id) external {
        bytes memory short = _short();
        split = IAmendableSplit(factory.create(short, 0));
        _unmarksNothing(payer, id, abi.encodeCall(split.distribute, (short, address(0))));
    }

    function check_a_claim_unmarks_nothing(address payer, bytes32 id, bool alices) external {
        address payee = alices ? alice : bob;
        bytes memory proof = split.proofOf(payee, terms);
        _unmarksNothing(payer, id, abi.encodeCall(split.claim, (payee, proof, _anyAsset())));
    }

    function check_a_withdrawal_of_credit_unmarks_nothing(address payer, bytes32 id) external {
        _unmarksNothing(payer, id, abi.encodeCall(split.withdrawCredit, (alice, _anyAsset())));
    }

    function check_a_redirection_of_credit_unmarks_nothing(address payer, bytes32 id, uint256 amount) external {
        _unmarksNothing(payer, id, abi.encodeCall(split.redirectCredit, (bob, _anyAsset(), amount)));
    }

    /// @dev Each claim or withdrawal of many is a call of its own, of which the above is proved: none here.
    function check_many_payments_unmark_nothing(address payer, bytes32 id, bool claims) external {
        bytes memory data = abi.encodeCall(split.withdrawCredits, (new address[](0), address(0)));
        if (claims) data = abi.encodeCall(split.claimMany, (new IAmendableSplit.Claim[](0)));
        _unmarksNothing(payer, id, data);
    }

    /// @dev Part of a distribution; whoever calls it.
    function check_a_delivery_unmarks_nothing(address payer, bytes32 id, uint256 amount) external {
        bytes memory data = abi.encodeCall(split.deliver, (_anyAsset(), bob, amount, address(other)));
        _unmarksNothing(payer, id, svm.createBool("itself") ? address(split) : alice, data);
    }

    /// @dev Of one payee, as the distribution above.
    function check_a_batch_unmarks_nothing(address payer, bytes32 id, uint256 mark, uint256 to) external {
        bytes memory short = _short();
        bool claimed = svm.createBool("claimed");
        bytes memory data = abi.encodeCall(
            split.payAtOnce, (short, short.length - 24, short.length, address(token), mark, to, claimed)
        );
        _unmarksNothing(payer, id, svm.createBool("itself") ? address(split) : alice, data);
    }

    function _unmarksNothing(address payer, bytes32 id, bytes memory data) private {
        _unmarksNothing(payer, id, alice, data);
    }

    function _unmarksNothing(address payer, bytes32 id, address caller, bytes memory data) private {
        _anyState(address(split));
        (bool sale, bool batch) = (split.isSalePaid(payer, id), split.isRemitted(payer, id));
        vm.prank(caller);
        (bool done,) = address(split).call(data);
        done;
        assert(split.isSalePaid(payer, id) == sale);
        assert(split.isRemitted(payer, id) == batch);
    }

    // ------------------------------------------------------------------ a payment within a payment

    function check_a_sale_is_not_paid_within_itself(bytes32 id, uint256 amount, bool coinInside, uint256 amountInside)
        external
    {
        svm.enableSymbolicStorage(address(split));
        vm.deal(address(token), amountInside);
        address asset = coinInside ? address(0) : address(token);
        token.callInside(address(split), coinInside ? amountInside : 0, abi.encodeCall(split.pay, (id, asset, amountInside)));
        bool done = token.act(address(split), abi.encodeCall(split.pay, (id, address(token), amount)));
        assert(!(done && token.insideSucceeded()));
    }

    /// @dev Not even another sale: the balance would be counted in both.
    function check_no_payment_in_tokens_succeeds_within_another(bytes32 id, bytes32 other, uint256 amount, bool remitted)
        external
    {
        svm.enableSymbolicStorage(address(split));
        token.callInside(
            address(split),
            0,
            remitted
                ? abi.encodeCall(split.remit, (other, address(token), amount, 0, 1))
                : abi.encodeCall(split.pay, (other, address(token), amount))
        );
        token.act(address(split), abi.encodeCall(split.pay, (id, address(token), amount)));
        assert(!token.insideSucceeded());
    }

    function _permit(bytes32 id, uint256 amount, uint256 deadline) private view returns (bytes memory) {
        return abi.encodeCall(split.payWithPermit, (id, address(token), amount, deadline, 27, 0, 0));
    }
}
