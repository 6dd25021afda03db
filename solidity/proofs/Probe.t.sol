// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;
import {AnyAmendment} from "./Amendments.t.sol";
import {IAmendments} from "revshare/amendable/IAmendableSplit.sol";
import {both, either, svm, vm} from "./Cheats.sol";
contract ProbeProof is AnyAmendment {
    function check_0(address caller) external {
        svm.enableSymbolicStorage(address(quorate));
        _anyOldTerms();
        newTerms = first;
        deadline = svm.createUint256("deadline");
        tokens = new address[](0);
        IAmendments.Consent[] memory c = new IAmendments.Consent[](1);
        c[0].index = 9;
        assert(!_amend(caller, quorate, c));
    }
    function check_1(address caller) external {
        svm.enableSymbolicStorage(address(quorate));
        _anyOldTerms();
        newTerms = bytes.concat(svm.createBytes(21, "new"), hex"02", svm.createBytes(184, "new"));
        deadline = svm.createUint256("deadline");
        tokens = new address[](0);
        IAmendments.Consent[] memory c = new IAmendments.Consent[](1);
        c[0].index = 9;
        assert(!_amend(caller, quorate, c));
    }
}
