// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IRevenueSplit} from "../split/IRevenueSplit.sol";

/// @title What an AmendableSplit answers to besides (IRevenueSplit), what it says of it, and how it refuses.
/// @notice Who may change the terms is fixed at creation, in one word of the clone's own code (lib/Governance.sol):
///         payees who hold a quorum of the weight and sign, or a controller who gives notice. New terms touch only revenue
///         received after them.
interface IAmendments {
    /// @notice One payee's consent.
    /// @param index The payee's place in the terms in force, from 0.
    /// @param signature Over the EIP-712 digest that `amendmentDigest` gives; ERC-1271 for payees that are contracts.
    struct Consent {
        uint256 index;
        bytes signature;
    }

    /// @notice The terms changed for the `epoch`-th time. `terms` is what `distribute` asks for from now on.
    event Amended(uint256 indexed epoch, bytes32 indexed commitment, bytes terms);

    /// @notice From `revenue` in `token` on, the terms of `epoch` count for it.
    event TermsApplied(address indexed token, uint256 indexed epoch, uint256 revenue);

    /// @notice The controller announced new terms, which anybody may put in force from `readyAt` (seconds) on, for 30 days,
    ///         having settled `tokens` first.
    event AmendmentProposed(bytes32 indexed commitment, uint256 readyAt, address[] tokens, bytes terms);

    /// @notice The controller took its proposal back.
    event AmendmentWithdrawn(bytes32 indexed commitment);

    /// @notice A payee took back what it had signed, or will never sign.
    event ConsentRevoked(address indexed payee, bytes32 indexed digest);

    /// @notice The controller named a successor, who has to accept. address(0) takes it back.
    event ControllerProposed(address indexed successor);

    /// @notice Control passed on.
    event ControllerChanged(address indexed controller);

    /// @dev The call is for splits governed otherwise.
    error WrongGovernance(uint256 kind);
    /// @dev The signature is not this payee's over this amendment.
    error BadSignature(address payee);
    /// @dev Consents must be in the order of the terms, one a payee.
    error ConsentOutOfOrder(uint256 index);
    /// @dev The payees who signed hold `signed` of the `needed` weight (both of the last tier).
    error QuorumMissed(uint256 signed, uint256 needed);
    /// @dev Consent must be unanimous, and this payee, whose terms would get worse, has not signed.
    error ConsentMissing(address payee);
    /// @dev The consent was given until `deadline` (seconds).
    error ConsentExpired(uint256 deadline);
    /// @dev This payee has revoked its consent to this amendment.
    error ConsentWithdrawn(address payee);
    /// @dev Not the controller, or not its named successor.
    error NotController(address caller);
    /// @dev Nothing like this was proposed.
    error NotProposed(bytes32 commitment);
    /// @dev The notice runs until `readyAt` (seconds).
    error NoticeRunning(uint256 readyAt);
    /// @dev What was announced could be put in force until `until` (seconds).
    error ProposalExpired(uint256 until);
    /// @dev A split cannot be its own payee.
    error PaysItself();
    /// @dev The settlement token stays what it is.
    error SettlementTokenChanged(address from, address to);

    /// @notice Puts new terms in force. Settles first, by the old terms: the settlement token, the coin, and `tokens`.
    ///         A token left out stays under the old terms until its next distribution, which must name these; so list every
    ///         token that there is or will be money in.
    /// @param oldTerms The newest terms.
    /// @param newTerms Packed and checked as at creation; the same settlement token.
    /// @param tokens What to settle besides, exactly as it was consented to or announced; one named twice is settled once,
    ///        one that is behind already stays behind.
    /// @param consents For a quorum: the payees' consents, ascending. For a controller: none.
    /// @param deadline For a quorum: until when (seconds) consent was given. For a controller: ignored.
    /// @dev Anyone may call. Reverts: TermsMismatch, SettlementTokenChanged, PaysItself, QuorumMissed, ConsentMissing, BadSignature,
    ///      ConsentWithdrawn, ConsentOutOfOrder, ConsentExpired, NotProposed, NoticeRunning, ProposalExpired; for bad terms
    ///      as the factory does; and where something cannot be settled as `distribute` does: NotAToken, NotEnoughGas,
    ///      Reentered (also: an amendment within an amendment). So a settlement token, or a listed one, that does not answer `balanceOf` holds
    ///      amendments up. Assumes ECDSA, and that a contract's answer is its own.
    function amend(
        bytes calldata oldTerms,
        bytes calldata newTerms,
        address[] calldata tokens,
        Consent[] calldata consents,
        uint256 deadline
    ) external;

    /// @notice Takes back the caller's consent to an amendment, once and for all: a signature over it counts no more.
    /// @param digest What `amendmentDigest` gives for it.
    /// @dev Anyone may call, for itself; it matters where the caller is a payee. Reverts: never.
    function revokeConsent(bytes32 digest) external;

    /// @notice Announces new terms in place of `oldTerms`, the newest: the notice begins. A proposal made before is
    ///         replaced, and its notice with it.
    /// @param oldTerms The newest terms.
    /// @param newTerms Packed and checked as at creation; the same settlement token.
    /// @param tokens What is to be settled first, besides the settlement token and the coin.
    /// @dev The controller only. Reverts: WrongGovernance, NotController, TermsMismatch, SettlementTokenChanged, PaysItself, and for bad
    ///      terms as the factory does.
    function proposeAmendment(bytes calldata oldTerms, bytes calldata newTerms, address[] calldata tokens) external;

    /// @notice Takes the proposal back.
    /// @dev The controller only. Reverts: WrongGovernance, NotController, NotProposed.
    function withdrawAmendment() external;

    /// @notice Names who is to take over control, and has to accept.
    /// @param successor address(0) takes back what was named before.
    /// @dev The controller only. Reverts: WrongGovernance, NotController.
    function proposeController(address successor) external;

    /// @notice Takes over control. What the controller before announced stays announced, and can be withdrawn.
    /// @dev The named successor only. Reverts: NotController.
    function acceptControl() external;

    /// @notice How the split is governed (lib/Governance.sol).
    function governance() external view returns (bytes32);

    /// @notice Who may announce new terms; address(0) where a quorum decides.
    function controller() external view returns (address);

    /// @notice How often the terms have been amended: the nonce of the next amendment.
    function epoch() external view returns (uint256);

    /// @notice The terms by which a token's revenue is shared just now.
    /// @return epoch_ How many amendments it has gone through.
    /// @return revenue Units of it from which these terms count.
    /// @return commitment_ To these terms: what `distribute` and `claim` must show for it.
    function termsOf(address token) external view returns (uint256 epoch_, uint256 revenue, bytes32 commitment_);

    /// @notice What the controller has announced; zeros for nothing.
    /// @return commitment_ To the new terms.
    /// @return readyAt From when on they may be put in force, in seconds since 1970.
    /// @return until Until when.
    function proposal() external view returns (bytes32 commitment_, uint256 readyAt, uint256 until);

    /// @notice The EIP-712 digest that payees sign to put the terms of this commitment in force next.
    /// @param to The commitment to the new terms.
    /// @param tokens What is to be settled first, besides the settlement token and the coin.
    /// @param deadline Until when consent is given, in seconds since 1970.
    /// @dev Domain: name "revshare", version "1", chain, this split. Type: Amendment(bytes32 from,bytes32 to,uint256 epoch,
    ///      address[] tokens,uint256 deadline), `from` being the newest terms' commitment.
    function amendmentDigest(bytes32 to, address[] calldata tokens, uint256 deadline) external view returns (bytes32);

    /// @notice Whether a payee has taken back its consent to the amendment of this digest.
    function isRevoked(address payee, bytes32 digest) external view returns (bool);
}

/// @title All that an AmendableSplit answers to.
interface IAmendableSplit is IRevenueSplit, IAmendments {}
