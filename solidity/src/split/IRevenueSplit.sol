// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// What a RevenueSplit answers to. Amounts are integers in the asset's smallest unit; `token` is address(0) for the chain's
// own coin.

/// @title RevenueSplit: what it says, and how it refuses.
/// @notice Every payee's statement can be rebuilt from these events, the terms in the factory's `SplitCreated` event and
///         the money rule (lib/MoneyRule.sol) alone. Refusals of the libraries are declared there: TermsMismatch
///         (lib/Terms.sol), Reentered (lib/Lock.sol), NotAToken, PaymentRefused (lib/Asset.sol), PaymentFailed, NotEnoughGas
///         (lib/Delivery.sol).
interface IRevenueSplitEvents {
    /// @notice A sale was paid in. `amount` is what arrived (less than sent when the token takes a fee).
    event SalePaid(address indexed payer, bytes32 indexed saleId, address indexed token, uint256 amount);

    /// @notice Money for `count` off-chain sales, whose Merkle root is `root`, was paid in.
    event Remitted(
        address indexed payer,
        bytes32 indexed batchId,
        address indexed token,
        uint256 amount,
        bytes32 root,
        uint256 count
    );

    /// @notice Everybody was paid (or credited) for the revenue between the two marks. A payee that had claimed
    ///         alone up to a mark beyond `fromRevenue` was paid from that mark on.
    event Distributed(address indexed token, uint256 fromRevenue, uint256 toRevenue);

    /// @notice One payee was paid `amount` alone: its own mark moved from where it was (its last claim or the last
    ///         distribution, whichever is further) to `toRevenue`.
    event Claimed(address indexed payee, address indexed token, uint256 toRevenue, uint256 amount);

    /// @notice Of the distribution in this transaction, `amount` could not be paid to `payee` and was set aside.
    event Credited(address indexed payee, address indexed token, uint256 amount);

    /// @notice `amount` that had been set aside for `payee` was paid to `to`.
    event CreditWithdrawn(address indexed payee, address indexed token, address to, uint256 amount);

    /// @notice Of the many payments of this transaction, the one to `payee` was not made; nothing has changed for it.
    /// @param reason The selector of the error it was refused with; 0 for an error without one.
    event PaymentSkipped(address indexed payee, address indexed token, bytes4 reason);

    /// @dev The same payer has already used this id.
    error AlreadyPaid(address payer, bytes32 id);
    /// @dev A sale or remittance that brings nothing.
    error NothingPaid();
    /// @dev The coin sent along is not the amount stated (zero, for a token).
    error ValueMismatch(uint256 sent, uint256 stated);
    /// @dev There is nothing to claim or withdraw.
    error NothingDue(address payee, address token);
    /// @dev `payee` is not in the terms.
    error UnknownPayee(address payee);
    /// @dev The money cannot be sent to this address.
    error InvalidRecipient(address to);
    /// @dev A payment in `paid` lowered what is held of `fell`, the coin or the settlement token: two addresses for one
    ///      balance.
    error BalanceShared(address paid, address fell);
    /// @dev More than the `credit` set aside.
    error CreditExceeded(uint256 credit, uint256 amount);
    /// @dev The implementation was called itself; only its clones hold money.
    error NotASplit();
}

/// @title RevenueSplit: money in.
interface IRevenueSplitPayments is IRevenueSplitEvents {
    /// @notice Pays one sale in. Money and record are one transaction: no sale can be recorded that was not paid.
    /// @param saleId Unique per payer.
    /// @param token address(0) for the coin, which is sent along.
    /// @param amount Units of `token`; more than zero.
    /// @dev Reverts: AlreadyPaid, ValueMismatch, NothingPaid, PaymentRefused, NotAToken, NotASplit, Reentered.
    function pay(bytes32 saleId, address token, uint256 amount) external payable;

    /// @notice Pays in the money of `count` off-chain sales, whose Merkle root is `root`.
    /// @param batchId Unique per payer; sales and batches number apart.
    /// @param token address(0) for the coin, which is sent along.
    /// @param amount Units of `token`, the net of all the sales; more than zero.
    /// @param root Of the tree of the sales' leaves; kept in the event alone, and not looked at.
    /// @param count How many sales; likewise.
    /// @dev Reverts as `pay` does.
    function remit(bytes32 batchId, address token, uint256 amount, bytes32 root, uint256 count) external payable;
}

/// @title RevenueSplit: money out.
interface IRevenueSplitPayouts is IRevenueSplitEvents {
    /// @notice Pays every payee what is due to it in `token`. Anyone may call; with nothing due, nothing happens.
    ///         A payee that cannot be paid (it reverts, burns its 50,000 gas, is refused by the token) is credited and
    ///         never stops another.
    /// @param terms The packed terms (lib/Terms.sol), as the factory's `SplitCreated` shows them; those in force for `token`
    ///        where they can be amended.
    /// @param token address(0) for the coin.
    /// @return sent Units that left.
    /// @return credited Units set aside.
    /// @dev Reverts: TermsMismatch, NotEnoughGas, NotAToken, Reentered.
    function distribute(bytes calldata terms, address token) external returns (uint256 sent, uint256 credited);

    /// @notice Pays one payee alone what is due to it. Anyone may call; the money goes to the payee.
    /// @param payee Who is paid; the address that the proof was made for.
    /// @param proof The payee's part of the terms (lib/Terms.sol).
    /// @param token address(0) for the coin.
    /// @return amount Units that left.
    /// @dev Reverts: TermsMismatch, NothingDue, PaymentFailed, NotAToken, BalanceShared, Reentered.
    function claim(address payee, bytes calldata proof, address token) external returns (uint256 amount);

    /// @notice Part of a distribution: payments that can be undone together, if an answer is not clear, or if another asset
    ///         than the settlement token is paid and lowers what must not fall. This split only.
    /// @param terms Those in force: whoever calls has asked.
    /// @param from Where in the terms the first entry begins.
    /// @param until Where the last one ends.
    /// @param token Any asset but the coin where that settles.
    /// @param mark Revenue up to which everybody has been paid before.
    /// @param to Revenue up to which everybody is paid now.
    /// @param claimed Whether somebody may have claimed beyond `mark`.
    /// @return sent Units that left.
    /// @return credited Units set aside.
    /// @dev Reverts: OnlyItself, PaymentFailed, BalanceShared, NotEnoughGas, NotAToken, Reentered; the payments are then made
    ///      one by one.
    function payAtOnce(
        bytes calldata terms,
        uint256 from,
        uint256 until,
        address token,
        uint256 mark,
        uint256 to,
        bool claimed
    ) external returns (uint256 sent, uint256 credited);
}

/// @title RevenueSplit: what is not done every day, and all views.
interface IRevenueSplitOffice is IRevenueSplitEvents {
    /// @notice One claim of many.
    /// @param payee Who is paid.
    /// @param proof The payee's part of the terms.
    /// @param token address(0) for the coin.
    struct Claim {
        address payee;
        bytes proof;
        address token;
    }

    /// @notice One payee's position in one asset: entitlement = paid + credit + due wherever revenue has not fallen.
    /// @param entitlement What the payee has earned by these terms, since they count for the asset.
    /// @param paid What of that has left the split for the payee.
    /// @param credit What of that is set aside because the payee could not be paid; `withdrawCredit` pays it.
    /// @param due What the next `distribute` or `claim` pays.
    /// @param earlier What is still set aside from before these terms; `withdrawCredit` pays it first.
    struct Line {
        address payee;
        uint256 entitlement;
        uint256 paid;
        uint256 credit;
        uint256 due;
        uint256 earlier;
    }

    /// @notice `claim` for many: several payees, or one payee in several assets. One that is refused, or burns its 750,000
    ///         gas, is left out with an event and never stops another.
    /// @return paidClaims How many were paid.
    /// @dev Reverts: never, but for want of gas.
    function claimMany(Claim[] calldata claims) external returns (uint256 paidClaims);

    /// @notice Pays a payee what was set aside for it. Anyone may call; the money goes to the payee.
    /// @return amount Units that left: all of it, or what there is where a token has taken balance away.
    /// @dev Reverts: NothingDue, PaymentFailed, NotAToken, BalanceShared, Reentered.
    function withdrawCredit(address payee, address token) external returns (uint256 amount);

    /// @notice `withdrawCredit` for many payees, as `claimMany` claims: after a paused token has credited everybody.
    /// @return paidPayees How many were paid.
    /// @dev Reverts: never, but for want of gas.
    function withdrawCredits(address[] calldata payees, address token) external returns (uint256 paidPayees);

    /// @notice Sends what was set aside for the caller, or part of it, to another address: for a payee that cannot receive,
    ///         or whose token asks for a fee on top.
    /// @param to Not zero, and not this split.
    /// @param amount Units; more than zero.
    /// @dev Reverts: InvalidRecipient, NothingDue, CreditExceeded, PaymentFailed, NotAToken, BalanceShared, Reentered.
    function redirectCredit(address to, address token, uint256 amount) external;

    /// @notice `pay` with a token, its allowance given by an ERC-2612 permit of the caller's.
    /// @param saleId Unique per payer, together with those of `pay`.
    /// @param token Not the coin.
    /// @param amount Units of `token`, those that the permit is for; more than zero.
    /// @param deadline The permit's own, in seconds since 1970.
    /// @dev Reverts as `pay` does. A permit that fails does not matter where the allowance is there.
    function payWithPermit(
        bytes32 saleId,
        address token,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice Part of a distribution: one payment, in a call of its own so that it can be undone if its answer is not clear, or
    ///         if another asset than the settlement token is paid and lowers what must not fall. This split only.
    /// @param settlement The settlement token.
    /// @return paid_ False if nothing has happened.
    /// @dev Reverts: OnlyItself, PaymentFailed, BalanceShared, NotEnoughGas, NotAToken, Reentered; the payment then becomes a
    ///      credit.
    function deliver(address asset, address to, uint256 amount, address settlement) external returns (bool paid_);

    /// @notice The commitment to the newest terms (lib/Terms.sol). A token that missed an amendment goes by older ones.
    function commitment() external view returns (bytes32);

    /// @notice Whether these are the newest terms.
    /// @dev Never reverts: whatever else is given is not them.
    function verify(bytes calldata terms) external view returns (bool);

    /// @notice Revenue in `token` so far: all that came in and was not taken away, distributed or not.
    /// @dev Counts up to 2^127 − 1 units. Reverts: NotAToken, Reentered.
    function received(address token) external view returns (uint256);

    /// @notice The books of an asset.
    /// @return distributed Revenue up to which everybody was paid or credited.
    /// @return paidOut Units that have left in all.
    /// @return claimedAlone Whether somebody has claimed alone since the last distribution, or may have before an amendment.
    /// @dev Reverts: NotAToken, Reentered.
    function marks(address token) external view returns (uint256 distributed, uint256 paidOut, bool claimedAlone);

    /// @notice Revenue, in units, up to which a payee was paid or credited in `token`.
    /// @dev Reverts: NotAToken, Reentered.
    function markOf(address payee, address token) external view returns (uint256);

    /// @notice Units set aside for a payee, whenever that was.
    /// @dev Reverts: NotAToken, Reentered.
    function credit(address payee, address token) external view returns (uint256);

    /// @notice Units a payee has earned: by these terms, since they count for the asset.
    /// @dev Reverts: TermsMismatch, UnknownPayee, NotAToken, Reentered.
    function entitlement(address payee, bytes calldata terms, address token) external view returns (uint256);

    /// @notice Units the next `distribute` or `claim` pays a payee.
    /// @dev Reverts as `entitlement` does.
    function due(address payee, bytes calldata terms, address token) external view returns (uint256);

    /// @notice Units that have left for a payee, of what it earned by these terms.
    /// @dev Reverts as `entitlement` does.
    function paid(address payee, bytes calldata terms, address token) external view returns (uint256);

    /// @notice Every payee's position in `token`, in the order of the terms, and the revenue they follow from.
    /// @dev Reverts: TermsMismatch, NotAToken, Reentered.
    function statement(bytes calldata terms, address token)
        external
        view
        returns (uint256 revenue, Line[] memory lines);

    /// @notice A payee's proof for `claim`, cut from the terms: for those who have no library at hand.
    /// @dev Reverts: UnknownPayee, and for bad terms as the factory does. Whether the terms are in force is not asked.
    function proofOf(address payee, bytes calldata terms) external pure returns (bytes memory proof);

    /// @notice Whether a payer has used a sale id, whatever it paid: in which token and how much, the event `SalePaid` says.
    function isSalePaid(address payer, bytes32 saleId) external view returns (bool);

    /// @notice Whether a payer has used a batch id, whatever it paid: see the event `Remitted`.
    function isRemitted(address payer, bytes32 batchId) external view returns (bool);

    /// @notice ERC-165: this, and each of the interfaces here (of an amendable split IAmendments as well).
    function supportsInterface(bytes4 id) external view returns (bool);
}

/// @title All that a split answers to.
interface IRevenueSplit is IRevenueSplitPayments, IRevenueSplitPayouts, IRevenueSplitOffice {}
