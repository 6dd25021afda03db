// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {AmendableTerms} from "./AmendableTerms.sol";
import {Asset} from "../lib/Asset.sol";
import {Calldata} from "../lib/Calldata.sol";
import {CONTROLLER, Governance, UNANIMOUS} from "../lib/Governance.sol";
import {IAmendments} from "./IAmendableSplit.sol";
import {IRevenueSplitPayouts} from "../split/IRevenueSplit.sol";
import {Lock} from "../lib/Lock.sol";
import {SplitOffice} from "../split/SplitOffice.sol";
import {Terms} from "../lib/Terms.sol";

/// @title The back office of an AmendableSplit: consent, notice, amendment.
/// @dev Assumptions: ECDSA, and for payees that are contracts that their ERC-1271 answer is theirs to give.
contract AmendableBackOffice is IAmendments, SplitOffice, AmendableTerms {
    /// @dev How long what was announced can be put in force once its notice is over.
    uint256 private constant _PROPOSAL_LIFE = 30 days;
    bytes32 private constant _DOMAIN =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant _AMENDMENT =
        keccak256("Amendment(bytes32 from,bytes32 to,uint256 epoch,address[] tokens,uint256 deadline)");

    bytes32 private _proposed;
    bytes32 private _proposedTokens;
    uint256 private _readyAt;
    address private _controller;
    address private _successor;
    mapping(address payee => mapping(bytes32 digest => bool)) private _revoked;

    // ------------------------------------------------------------------ amending

    /// @inheritdoc IAmendments
    function amend(
        bytes calldata oldTerms,
        bytes calldata newTerms,
        address[] calldata tokens,
        Consent[] calldata consents,
        uint256 deadline
    ) external {
        // One amendment at a time: a payee that is paid below cannot put the next in force before this one has settled.
        Lock.requireFree(address(this));
        Lock.take(address(this));
        bytes32 to = _checkChange(oldTerms, newTerms);
        if (_governance().kind() == CONTROLLER) {
            _useProposal(to, tokens);
        } else {
            if (block.timestamp > deadline) revert ConsentExpired(deadline);
            _checkConsents(oldTerms, newTerms, consents, amendmentDigest(to, tokens, deadline));
        }

        // From here on the consents and the proposal are spent: a payee that is paid below finds nothing to use again.
        uint256 epoch_ = _epoch + 1;
        _epoch = epoch_;
        _commitments[epoch_] = to;
        emit Amended(epoch_, to, newTerms);

        address settlement = Terms.settlementToken(Calldata.start(oldTerms));
        _settle(oldTerms, settlement, epoch_);
        _settle(oldTerms, Asset.COIN, epoch_);
        for (uint256 i = 0; i < tokens.length; ++i) {
            _settle(oldTerms, tokens[i], epoch_);
        }
        Lock.release(address(this));
    }

    /// @dev A token that was behind already stays behind: it needs older terms than these. One named twice is done once.
    function _settle(bytes calldata oldTerms, address token, uint256 epoch_) private {
        if (_standings[token].epoch + 1 == epoch_) IRevenueSplitPayouts(address(this)).distribute(oldTerms, token);
    }

    /// @dev The old terms are the newest, the new ones are sound, and the settlement token stays.
    function _checkChange(bytes calldata oldTerms, bytes calldata newTerms) private view returns (bytes32 to) {
        address before = Terms.settlementToken(Terms.accept(oldTerms, _latest()));
        to = Terms.validate(newTerms);
        address after_ = Terms.settlementToken(Calldata.start(newTerms));
        if (before != after_) revert SettlementTokenChanged(before, after_);
        // What it paid to itself would be revenue again.
        if (Terms.find(newTerms, address(this)) != 0) revert PaysItself();
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
        uint256 header = Calldata.start(oldTerms);
        uint256 tiers = Terms.tierCount(header);
        (uint256 entry, uint256 end) = Terms.entriesOf(oldTerms);
        bool unanimous = _governance().quorum() == UNANIMOUS;
        uint256 place = 0;
        uint256 signed = 0;
        uint256 next = 0;
        for (uint256 index = 0; entry != end; ++index) {
            if (next < consents.length && consents[next].index == index) {
                _checkConsent(Terms.payeeAt(entry), digest, consents[next].signature);
                signed += Terms.weightAt(entry, tiers - 1);
                ++next;
            } else if (unanimous) {
                place = Terms.seek(newTerms, Terms.payeeAt(entry), place);
                if (_getsWorse(entry, oldTerms, place, newTerms)) revert ConsentMissing(Terms.payeeAt(entry));
            }
            entry += Terms.strideOf(tiers);
        }
        if (next != consents.length) revert ConsentOutOfOrder(next);

        (, uint256 total) = Terms.tier(header, tiers - 1);
        uint256 needed = (total * _governance().quorum() + UNANIMOUS - 1) / UNANIMOUS;
        if (signed < needed) revert QuorumMissed(signed, needed);
    }

    function _checkConsent(address payee, bytes32 digest, bytes calldata signature) private view {
        if (_revoked[payee][digest]) revert ConsentWithdrawn(payee);
        if (!SignatureChecker.isValidSignatureNow(payee, digest, signature)) revert BadSignature(payee);
    }

    /// @dev Not worse is only what plainly is not: the same tiers, and in each at least the same share.
    /// @param now_ Where the payee's entry in the new terms is, if it has one.
    function _getsWorse(uint256 entry, bytes calldata oldTerms, uint256 now_, bytes calldata newTerms)
        private
        pure
        returns (bool)
    {
        uint256 was = Calldata.start(oldTerms);
        uint256 is_ = Calldata.start(newTerms);
        uint256 tiers = Terms.tierCount(was);
        if (Terms.tierCount(is_) != tiers) return true;
        (, uint256 end) = Terms.entriesOf(newTerms);
        if (now_ == end || Terms.payeeAt(now_) != Terms.payeeAt(entry)) return true;
        for (uint256 t = 0; t < tiers; ++t) {
            (uint256 untilWas, uint256 totalWas) = Terms.tier(was, t);
            (uint256 untilIs, uint256 totalIs) = Terms.tier(is_, t);
            if (untilIs != untilWas) return true;
            if (Terms.weightAt(now_, t) * totalWas < Terms.weightAt(entry, t) * totalIs) return true;
        }
        return false;
    }

    /// @inheritdoc IAmendments
    function revokeConsent(bytes32 digest) external {
        _revoked[msg.sender][digest] = true;
        emit ConsentRevoked(msg.sender, digest);
    }

    /// @inheritdoc IAmendments
    function amendmentDigest(bytes32 to, address[] calldata tokens, uint256 deadline) public view returns (bytes32) {
        bytes32 domain =
            keccak256(abi.encode(_DOMAIN, keccak256("revshare"), keccak256("1"), block.chainid, address(this)));
        bytes32 amendment =
            keccak256(abi.encode(_AMENDMENT, _latest(), to, _epoch, _hashOf(tokens), deadline));
        return keccak256(abi.encodePacked(hex"1901", domain, amendment));
    }

    /// @dev EIP-712: an array is the hash of its words.
    function _hashOf(address[] calldata tokens) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(tokens));
    }

    // ------------------------------------------------------------------ a controller's notice

    modifier onlyController() {
        if (_governance().kind() != CONTROLLER) revert WrongGovernance(_governance().kind());
        if (msg.sender != controller()) revert NotController(msg.sender);
        _;
    }

    /// @inheritdoc IAmendments
    function proposeAmendment(bytes calldata oldTerms, bytes calldata newTerms, address[] calldata tokens)
        external
        onlyController
    {
        bytes32 to = _checkChange(oldTerms, newTerms);
        uint256 readyAt = block.timestamp + _governance().notice();
        (_proposed, _proposedTokens, _readyAt) = (to, _hashOf(tokens), readyAt);
        emit AmendmentProposed(to, readyAt, tokens, newTerms);
    }

    /// @inheritdoc IAmendments
    function withdrawAmendment() external onlyController {
        bytes32 proposed = _proposed;
        if (proposed == 0) revert NotProposed(0);
        _forgetProposal();
        emit AmendmentWithdrawn(proposed);
    }

    function _useProposal(bytes32 to, address[] calldata tokens) private {
        if (_proposed != to || _proposedTokens != _hashOf(tokens)) revert NotProposed(to);
        if (block.timestamp < _readyAt) revert NoticeRunning(_readyAt);
        if (block.timestamp > _readyAt + _PROPOSAL_LIFE) revert ProposalExpired(_readyAt + _PROPOSAL_LIFE);
        _forgetProposal();
    }

    function _forgetProposal() private {
        (_proposed, _proposedTokens, _readyAt) = (0, 0, 0);
    }

    /// @inheritdoc IAmendments
    function proposeController(address successor) external onlyController {
        _successor = successor;
        emit ControllerProposed(successor);
    }

    /// @inheritdoc IAmendments
    function acceptControl() external {
        if (msg.sender != _successor) revert NotController(msg.sender);
        (_controller, _successor) = (msg.sender, address(0));
        emit ControllerChanged(msg.sender);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IAmendments
    function governance() external pure returns (bytes32) {
        return Governance.unwrap(_governance());
    }

    /// @inheritdoc IAmendments
    function controller() public view returns (address) {
        return _controller == address(0) ? _governance().firstController() : _controller;
    }

    /// @inheritdoc IAmendments
    function epoch() external view returns (uint256) {
        return _epoch;
    }

    /// @inheritdoc IAmendments
    function termsOf(address token) external view returns (uint256, uint256, bytes32) {
        Standing memory standing = _standings[token];
        return (standing.epoch, standing.revenue, _commitmentOf(standing.epoch));
    }

    /// @inheritdoc IAmendments
    function proposal() external view returns (bytes32, uint256, uint256) {
        return (_proposed, _readyAt, _readyAt == 0 ? 0 : _readyAt + _PROPOSAL_LIFE);
    }

    /// @inheritdoc IAmendments
    function isRevoked(address payee, bytes32 digest) external view returns (bool) {
        return _revoked[payee][digest];
    }

    /// @inheritdoc SplitOffice
    function supportsInterface(bytes4 id) public pure override returns (bool) {
        return id == type(IAmendments).interfaceId || super.supportsInterface(id);
    }
}
