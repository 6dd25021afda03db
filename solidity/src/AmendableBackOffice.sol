// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {AmendableState} from "./AmendableState.sol";
import {Asset} from "./lib/Asset.sol";
import {BackOffice} from "./BackOffice.sol";
import {CONTROLLER, Governance, QUORUM, UNANIMOUS} from "./lib/Governance.sol";
import {IAmendments} from "./IAmendableSplit.sol";
import {IRevenueSplitPayouts} from "./IRevenueSplit.sol";
import {SplitState} from "./SplitState.sol";
import {Terms} from "./lib/Terms.sol";

/// @title The back office of an AmendableSplit: consent, notice, amendment.
/// @dev Assumptions: ECDSA, and for payees that are contracts that their ERC-1271 answer is theirs to give.
contract AmendableBackOffice is IAmendments, BackOffice, AmendableState {
    bytes32 private constant _DOMAIN =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant _AMENDMENT =
        keccak256("Amendment(bytes32 from,bytes32 to,uint256 epoch,uint256 deadline)");

    // ------------------------------------------------------------------ amending

    /// @inheritdoc IAmendments
    function amend(
        bytes calldata oldTerms,
        bytes calldata newTerms,
        address[] calldata tokens,
        Consent[] calldata consents,
        uint256 deadline
    ) external {
        bytes32 from = _latest();
        bytes32 shown = Terms.commitmentOf(oldTerms);
        if (shown != from) revert TermsMismatch(from, shown);
        bytes32 to = _validate(oldTerms, newTerms);
        if (_governance().kind() == CONTROLLER) {
            _useProposal(to);
        } else {
            if (block.timestamp > deadline) revert ConsentExpired(deadline);
            _checkConsents(oldTerms, newTerms, consents, amendmentDigest(to, deadline));
        }

        // From here on the consents and the proposal are spent: a payee that is paid below finds nothing to use again.
        Amendments storage amendments = _amendments();
        uint256 epoch_ = amendments.epoch + 1;
        amendments.epoch = epoch_;
        amendments.commitments[epoch_] = to;
        emit Amended(epoch_, to, newTerms);

        address settlement = Terms.settlementToken(Terms.headerOf(oldTerms));
        _settle(oldTerms, settlement, epoch_);
        _settle(oldTerms, Asset.COIN, epoch_);
        for (uint256 i = 0; i < tokens.length; ++i) {
            _settle(oldTerms, tokens[i], epoch_);
        }
    }

    /// @dev A token that was behind already stays behind: it needs older terms than these. One named twice is done once.
    function _settle(bytes calldata oldTerms, address token, uint256 epoch_) private {
        if (_amendments().standings[token].epoch + 1 != epoch_) return;
        IRevenueSplitPayouts(address(this)).distribute(oldTerms, token);
    }

    function _validate(bytes calldata oldTerms, bytes calldata newTerms) private pure returns (bytes32 to) {
        to = Terms.validate(newTerms);
        address before = Terms.settlementToken(Terms.headerOf(oldTerms));
        address after_ = Terms.settlementToken(Terms.headerOf(newTerms));
        if (before != after_) revert SettlementTokenChanged(before, after_);
    }

    // ------------------------------------------------------------------ a quorum's consent

    /// @dev Counts the weight of those who signed, in the tier that lasts. Where consent must be unanimous, payees without
    ///      weight in that tier have a say as well if their terms get worse.
    function _checkConsents(
        bytes calldata oldTerms,
        bytes calldata newTerms,
        Consent[] calldata consents,
        bytes32 digest
    ) private view {
        uint256 header = Terms.headerOf(oldTerms);
        uint256 tiers = Terms.tierCount(header);
        uint256 stride = Terms.strideOf(tiers);
        (uint256 entry, uint256 end) = Terms.entriesOf(oldTerms);
        bool unanimous = _governance().quorum() == UNANIMOUS;
        uint256 signed = 0;
        uint256 next = 0;
        for (uint256 index = 0; entry < end; ++index) {
            if (next < consents.length && consents[next].index == index) {
                address payee = Terms.payeeAt(entry);
                if (!SignatureChecker.isValidSignatureNow(payee, digest, consents[next].signature)) {
                    revert BadSignature(payee);
                }
                signed += Terms.weightAt(entry, tiers - 1);
                ++next;
            } else if (unanimous && _getsWorse(entry, oldTerms, newTerms)) {
                revert ConsentMissing(Terms.payeeAt(entry));
            }
            entry += stride;
        }
        if (next != consents.length) revert ConsentOutOfOrder(next);

        (, uint256 total) = Terms.tier(header, tiers - 1);
        uint256 needed = (total * _governance().quorum() + UNANIMOUS - 1) / UNANIMOUS;
        if (signed < needed) revert QuorumMissed(signed, needed);
    }

    /// @dev Not worse is only what plainly is not: the same tiers, and in each at least the same share.
    function _getsWorse(uint256 entry, bytes calldata oldTerms, bytes calldata newTerms) private pure returns (bool) {
        uint256 was = Terms.headerOf(oldTerms);
        uint256 is_ = Terms.headerOf(newTerms);
        uint256 tiers = Terms.tierCount(was);
        if (Terms.tierCount(is_) != tiers) return true;
        uint256 now_ = _find(Terms.payeeAt(entry), newTerms);
        if (now_ == 0) return true;
        for (uint256 t = 0; t < tiers; ++t) {
            (uint256 untilWas, uint256 totalWas) = Terms.tier(was, t);
            (uint256 untilIs, uint256 totalIs) = Terms.tier(is_, t);
            if (untilIs != untilWas) return true;
            if (Terms.weightAt(now_, t) * totalWas < Terms.weightAt(entry, t) * totalIs) return true;
        }
        return false;
    }

    /// @inheritdoc IAmendments
    function amendmentDigest(bytes32 to, uint256 deadline) public view returns (bytes32) {
        bytes32 domain =
            keccak256(abi.encode(_DOMAIN, keccak256("revshare"), keccak256("1"), block.chainid, address(this)));
        bytes32 amendment = keccak256(abi.encode(_AMENDMENT, _latest(), to, _amendments().epoch, deadline));
        return keccak256(abi.encodePacked(hex"1901", domain, amendment));
    }

    // ------------------------------------------------------------------ a controller's notice

    modifier onlyController() {
        if (_governance().kind() != CONTROLLER) revert WrongGovernance(_governance().kind());
        if (msg.sender != controller()) revert NotController(msg.sender);
        _;
    }

    /// @inheritdoc IAmendments
    function proposeAmendment(bytes calldata oldTerms, bytes calldata newTerms) external onlyController {
        bytes32 from = _latest();
        bytes32 shown = Terms.commitmentOf(oldTerms);
        if (shown != from) revert TermsMismatch(from, shown);
        bytes32 to = _validate(oldTerms, newTerms);
        uint256 readyAt = block.timestamp + _governance().notice();
        (_amendments().proposed, _amendments().readyAt) = (to, readyAt);
        emit AmendmentProposed(to, readyAt, newTerms);
    }

    /// @inheritdoc IAmendments
    function withdrawAmendment() external onlyController {
        bytes32 proposed = _amendments().proposed;
        if (proposed == 0) revert NotProposed(0);
        (_amendments().proposed, _amendments().readyAt) = (0, 0);
        emit AmendmentWithdrawn(proposed);
    }

    function _useProposal(bytes32 to) private {
        Amendments storage amendments = _amendments();
        if (amendments.proposed != to) revert NotProposed(to);
        if (block.timestamp < amendments.readyAt) revert NoticeRunning(amendments.readyAt);
        (amendments.proposed, amendments.readyAt) = (0, 0);
    }

    /// @inheritdoc IAmendments
    function proposeController(address successor) external onlyController {
        _amendments().successor = successor;
        emit ControllerProposed(successor);
    }

    /// @inheritdoc IAmendments
    function acceptControl() external {
        Amendments storage amendments = _amendments();
        if (msg.sender != amendments.successor) revert NotController(msg.sender);
        (amendments.controller, amendments.successor) = (msg.sender, address(0));
        emit ControllerChanged(msg.sender);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IAmendments
    function governance() external pure returns (bytes32) {
        return Governance.unwrap(_governance());
    }

    /// @inheritdoc IAmendments
    function controller() public view returns (address) {
        address current = _amendments().controller;
        return current == address(0) ? _governance().firstController() : current;
    }

    /// @inheritdoc IAmendments
    function epoch() external view returns (uint256) {
        return _amendments().epoch;
    }

    /// @inheritdoc IAmendments
    function termsOf(address token) external view returns (uint256, uint256, bytes32) {
        Standing memory standing = _amendments().standings[token];
        return (standing.epoch, standing.revenue, _commitmentOf(standing.epoch));
    }

    /// @inheritdoc IAmendments
    function proposal() external view returns (bytes32, uint256) {
        return (_amendments().proposed, _amendments().readyAt);
    }

    /// @inheritdoc BackOffice
    function supportsInterface(bytes4 id) public pure override returns (bool) {
        return id == type(IAmendments).interfaceId || super.supportsInterface(id);
    }

    /// @inheritdoc BackOffice
    function _latest() internal view override returns (bytes32) {
        return _commitmentOf(_amendments().epoch);
    }

    /// @inheritdoc SplitState
    function _base(address token) internal view override(SplitState, AmendableState) returns (uint256) {
        return AmendableState._base(token);
    }

    /// @inheritdoc SplitState
    function _inForce(address token) internal view override(SplitState, AmendableState) returns (bytes32) {
        return AmendableState._inForce(token);
    }
}
