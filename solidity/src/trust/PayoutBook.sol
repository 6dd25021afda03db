// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Asset} from "../lib/Asset.sol";
import {Deliverer, Delivery} from "../lib/Delivery.sol";
import {IRevenueSplitEvents} from "../split/IRevenueSplit.sol";
import {Lock} from "../lib/Lock.sol";
import {MerkleProof} from "../lib/MerkleProof.sol";

/// @title PayoutBook: cumulative amounts reckoned elsewhere, promised by a Merkle root, paid by proof.
/// @notice For rules that no contract should compute, and for payees by the thousand. The owner publishes, per token,
///         the root of a tree that says what each payee has been given so far in all, and the total of it. A root is
///         refused unless the money for its whole total is here. Then anyone may have any payee paid, by proof, what it
///         has been given beyond what it has been paid.
///
///     leaf := keccak256( keccak256( abi.encode( chainid, book, token, payee, cumulative ) ) )
///     tree    MerkleProof.sol
///
/// Amounts are in the token's smallest unit; `token` is address(0) for the chain's own coin. Money arrives by plain
/// transfer, or with `publish` itself.
///
/// What is promised, of every token by itself:
/// - claimed ≤ total, and total never falls: what has been promised stays promised;
/// - balance + claimed ≥ total: a book never promises more than it holds. The owner can take out only what was never
///   promised;
/// - what a payee has been paid never falls, and never passes a cumulative amount that a published leaf gave it;
/// - with a delay, a root is known that long before it is in force, and can be withdrawn until then, not after.
///
/// What is not: that the tree is fair, or that its leaves sum to its total. The owner reckons, and everybody can check
/// (revshare.payouts). Should leaves exceed the total, claims end at the total: an owner who publishes such a tree, and claims
/// from it first, takes what was promised to others. Only a delay lets payees claim before that.
///
/// Tokens: what counts as paid is said in lib/Delivery.sol. One that takes a fee from what is sent delivers less than
/// was claimed; one that lowers balances, or charges the sender on top, leaves the book short: then the last to claim
/// wait until somebody makes good, and no new root is accepted before. Another token's money is never touched, if it is
/// another's: where a token's balance is the coin's as well, no payment in the token takes what is promised in coin, but
/// what is promised in the token is not safe from payments in coin. Promise in coin there.
///
/// Assumptions: EIP-1153. A total below 2^128 units.
contract PayoutBook is Deliverer {
    /// @notice One payee's part of `claimMany`.
    /// @param cumulative Units given so far in all, as the leaf says.
    /// @param proof Siblings from the leaf upwards.
    struct Claim {
        address payee;
        uint256 cumulative;
        bytes32[] proof;
    }

    /// @notice Why `claimMany` left a payee out.
    enum Skip {
        NotProven, // the leaf is not in the root in force
        NothingDue, // it has been paid all of it before
        TotalExceeded, // the leaves of this tree sum to more than was promised
        NotDelivered // the payee, or the token, did not take the money: nothing of it has moved
    }

    /// @dev No asset, and no lock: taken for the rest of a transaction in which coin was promised.
    address private constant _COIN_PROMISES = address(1);

    /// @dev `books`: total(128) ‖ claimed(128). What is claimed is added to the word: it never passes the total.
    struct Promise {
        bytes32 root;
        uint256 books;
    }

    struct Mark {
        uint256 paid;
    }

    /// @dev Nothing is announced where `activeAt` is zero.
    struct Announcement {
        uint128 total;
        uint64 activeAt;
        bytes32 root;
    }

    uint256 private constant _MAX_DELAY = 365 days;

    /// @notice Seconds from the publication of a root until it is in force.
    uint256 public immutable delay;
    /// @notice Who publishes.
    address public owner;
    /// @notice Who may accept to be the next owner.
    address public pendingOwner;
    mapping(address token => Promise) private _promises;
    mapping(address token => Announcement) private _announcements;
    mapping(address token => mapping(address payee => Mark)) private _marks;

    /// @notice A root is in force: `total` units have been promised so far in all.
    event Published(address indexed token, bytes32 root, uint256 total);

    /// @notice A root will be in force from `activeAt` on (seconds since 1970), unless it is withdrawn before.
    event Announced(address indexed token, bytes32 root, uint256 total, uint256 activeAt);

    /// @notice An announced root was withdrawn before it was in force.
    event Withdrawn(address indexed token, bytes32 root);

    /// @notice A payee was paid `amount`; the sum of these is what it has been paid in all.
    event PayeePaid(address indexed payee, address indexed token, uint256 amount);

    /// @notice The payee had the payment of this transaction sent to another address.
    event Redirected(address indexed payee, address indexed token, address to);

    /// @notice A bulk claim left a payee out, who stays owed all of it.
    event ClaimSkipped(address indexed payee, address indexed token, Skip reason);

    /// @notice The owner took out money that was never promised.
    event SurplusWithdrawn(address indexed token, address indexed to, uint256 amount);

    /// @notice The owner offers the book to `next`, who must accept; zero withdraws the offer.
    event OwnershipOffered(address indexed owner, address indexed next);

    /// @notice The book has a new owner.
    event OwnershipTransferred(address indexed previous, address indexed owner);

    /// @dev Only `expected` may do this.
    error Unauthorised(address caller, address expected);
    /// @dev No owner, or a delay of more than 365 days.
    error InvalidBook(address owner, uint256 delay);
    /// @dev A root of zero is none.
    error NoRoot();
    /// @dev More units than a book can count.
    error TotalTooLarge(uint256 total);
    /// @dev Less than has been promised before.
    error TotalFell(uint256 promised, uint256 total);
    /// @dev `covered` units are held or have been claimed, of `total` that they must cover.
    error Underfunded(uint256 covered, uint256 total);
    /// @dev No root is announced for this token.
    error NothingAnnounced(address token);
    /// @dev The announced root is in force from `activeAt` on, not before.
    error TooEarly(uint256 activeAt);
    /// @dev The announced root has been in force since `activeAt` and cannot be withdrawn.
    error TooLate(uint256 activeAt);
    /// @dev The leaf leads to another root than the one in force.
    error NotProven(bytes32 root, bytes32 given);
    /// @dev The leaves of the tree in force sum to more than was promised: `left` units of it remain.
    error TotalExceeded(uint256 left, uint256 amount);
    /// @dev Only `surplus` units were never promised.
    error SurplusExceeded(uint256 surplus, uint256 amount);

    /// @param owner_ Publishes roots; not zero.
    /// @param delay_ Seconds from a root's publication until it is in force: 0, at once, to 365 days.
    /// @dev Reverts: InvalidBook.
    constructor(address owner_, uint256 delay_) {
        if (owner_ == address(0) || delay_ > _MAX_DELAY) revert InvalidBook(owner_, delay_);
        owner = owner_;
        delay = delay_;
        emit OwnershipTransferred(address(0), owner_);
    }

    /// @notice Coin by plain transfer, from anybody.
    receive() external payable {}

    modifier onlyOwner() {
        if (msg.sender != owner) revert Unauthorised(msg.sender, owner);
        _;
    }

    // ------------------------------------------------------------------ the owner

    /// @notice Publishes the root of all cumulative amounts in `token`; the owner only. It is in force at once, or after
    ///         the delay, which starts again when it replaces one announced and not yet in force.
    /// @param root Of a tree that has a leaf per payee; not zero.
    /// @param total Units promised so far in all, at least as many as before. Coin sent along counts.
    /// @dev Reverts: Unauthorised, NoRoot, TotalTooLarge, TotalFell, Underfunded, NotAToken, Reentered.
    function publish(uint256 total, bytes32 root, address token) external payable onlyOwner {
        Lock.requireFree(token);
        if (root == 0) revert NoRoot();
        if (total > type(uint128).max) revert TotalTooLarge(total);
        if (delay != 0) _bringIntoForce(token);

        Promise storage promise_ = _promises[token];
        uint256 books = promise_.books;
        if (total < _totalOf(books)) revert TotalFell(_totalOf(books), total);
        uint256 covered = _covered(token, books);
        if (covered < total) revert Underfunded(covered, total);
        if (token == Asset.COIN) Lock.take(_COIN_PROMISES);

        if (delay == 0) {
            promise_.root = root;
            promise_.books = _toBooks(total, _claimedOf(books));
            emit Published(token, root, total);
        } else {
            Announcement storage announced_ = _announcements[token];
            if (announced_.activeAt != 0) emit Withdrawn(token, announced_.root);
            uint256 activeAt = block.timestamp + delay;
            (announced_.total, announced_.activeAt, announced_.root) = (uint128(total), uint64(activeAt), root);
            emit Announced(token, root, total, activeAt);
        }
    }

    /// @notice Withdraws the announced root of `token` before it is in force; the owner only.
    /// @dev Reverts: Unauthorised, NothingAnnounced, TooLate.
    function withdraw(address token) external onlyOwner {
        Announcement storage announced_ = _announcements[token];
        if (announced_.activeAt == 0) revert NothingAnnounced(token);
        if (_isDue(announced_)) revert TooLate(announced_.activeAt);
        emit Withdrawn(token, announced_.root);
        delete _announcements[token];
    }

    /// @notice Takes out money that was never promised; the owner only.
    /// @param to Not zero, and not this book.
    /// @param amount Units, at most `surplus(token)`.
    /// @dev Reverts: Unauthorised, InvalidRecipient, SurplusExceeded, PaymentFailed, Underfunded (the token took more than
    ///      `amount`), NotAToken, Reentered.
    function withdrawSurplus(address token, address to, uint256 amount) external onlyOwner {
        _checkRecipient(to);
        uint256 surplus_ = surplus(token);
        if (amount > surplus_) revert SurplusExceeded(surplus_, amount);
        emit SurplusWithdrawn(token, to, amount);
        _send(token, to, amount);
        uint256 covered = _covered(token, _promises[token].books);
        uint256 total = _everPromised(token);
        if (covered < total) revert Underfunded(covered, total);
    }

    /// @notice Offers the book to another owner, who must accept; the owner only. Zero withdraws the offer.
    /// @dev Reverts: Unauthorised.
    function transferOwnership(address next) external onlyOwner {
        pendingOwner = next;
        emit OwnershipOffered(owner, next);
    }

    /// @notice Becomes the owner; whom it was offered to only.
    /// @dev Reverts: Unauthorised.
    function acceptOwnership() external {
        if (msg.sender != pendingOwner) revert Unauthorised(msg.sender, pendingOwner);
        emit OwnershipTransferred(owner, msg.sender);
        owner = msg.sender;
        delete pendingOwner;
    }

    // ------------------------------------------------------------------ anyone

    /// @notice Enters the announced root of `token`, once its time has come. Claims and publications do so by themselves.
    /// @dev Reverts: NothingAnnounced, TooEarly.
    function activate(address token) external {
        Announcement storage announced_ = _announcements[token];
        if (announced_.activeAt == 0) revert NothingAnnounced(token);
        if (!_bringIntoForce(token)) revert TooEarly(announced_.activeAt);
    }

    /// @notice Pays a payee what it has been given beyond what it has been paid. Anyone may call; the money goes to the
    ///         payee.
    /// @param payee Who is paid.
    /// @param cumulative Units given so far in all, as the leaf says.
    /// @param proof Siblings from the leaf upwards.
    /// @param token address(0) for the coin.
    /// @return amount Units that left.
    /// @dev Reverts: NotProven, NothingDue, TotalExceeded, PaymentFailed, Underfunded (the payment took what is promised in
    ///      coin), Reentered.
    function claim(address payee, uint256 cumulative, bytes32[] calldata proof, address token)
        external
        returns (uint256 amount)
    {
        amount = _enter(payee, token, cumulative, proof);
        emit PayeePaid(payee, token, amount);
        _send(token, payee, amount);
    }

    /// @notice The same for the caller, with the money going elsewhere: for a payee that cannot receive.
    /// @param to Not zero, and not this book.
    /// @return amount Units that left.
    /// @dev Reverts: InvalidRecipient, and as `claim` does.
    function claimTo(address to, uint256 cumulative, bytes32[] calldata proof, address token)
        external
        returns (uint256 amount)
    {
        _checkRecipient(to);
        amount = _enter(msg.sender, token, cumulative, proof);
        emit PayeePaid(msg.sender, token, amount);
        emit Redirected(msg.sender, token, to);
        _send(token, to, amount);
    }

    /// @notice Pays many payees. Anyone may call. One that cannot be paid (it reverts, burns its 50,000 gas, is refused by
    ///         the token, has been paid before, is not proven) is left out with an event, and never stops another.
    ///         Looks at the balance where a token's answer is not clear, which `claim` takes for a failure.
    /// @param claims As many as a transaction can pay: the callee's allowances are 50,000 gas for coin, 200,000 for a token.
    /// @return sent Units that left.
    /// @return skipped Payees left out.
    /// @dev Reverts: NotEnoughGas, Underfunded (the payments took what is promised in coin), Reentered.
    function claimMany(address token, Claim[] calldata claims) external returns (uint256 sent, uint256 skipped) {
        if (delay != 0) _bringIntoForce(token);
        Lock.requireFree(token);
        Lock.take(token);
        uint256 coins = address(this).balance;
        for (uint256 i = 0; i < claims.length; ++i) {
            uint256 left = _claimOneOfMany(token, claims[i]);
            unchecked {
                sent += left;
                if (left == 0) ++skipped;
            }
        }
        Lock.release(token);
        if (token != Asset.COIN) _checkCoins(coins);
    }

    // ------------------------------------------------------------------ views

    /// @notice What is in force.
    /// @return root The root, zero if none was published.
    /// @return total Units promised so far in all.
    /// @return claimed Units of them that have left.
    function promised(address token) external view returns (bytes32 root, uint256 total, uint256 claimed) {
        Announcement storage announced_ = _announcements[token];
        uint256 books = _promises[token].books;
        (root, total, claimed) = (_promises[token].root, _totalOf(books), _claimedOf(books));
        if (_isDue(announced_)) (root, total) = (announced_.root, announced_.total);
    }

    /// @notice What is announced and not yet in force; zeros if nothing is.
    /// @return root The root.
    /// @return total Units promised by it so far in all.
    /// @return activeAt From when on it is in force, in seconds since 1970.
    function announced(address token) external view returns (bytes32 root, uint256 total, uint256 activeAt) {
        Announcement storage announced_ = _announcements[token];
        if (!_isDue(announced_)) (root, total, activeAt) = (announced_.root, announced_.total, announced_.activeAt);
    }

    /// @notice Units a payee has been paid in all.
    function paid(address payee, address token) external view returns (uint256) {
        return _marks[token][payee].paid;
    }

    /// @notice Units held that were never promised, neither in force nor announced; also those that somebody paid in by
    ///         mistake.
    /// @dev Reverts: NotAToken, Reentered.
    function surplus(address token) public view returns (uint256) {
        Lock.requireFree(token);
        uint256 covered = _covered(token, _promises[token].books);
        uint256 total = _everPromised(token);
        return covered > total ? covered - total : 0;
    }

    /// @notice The leaf that gives `payee` `cumulative` units of `token`.
    function leafOf(address payee, address token, uint256 cumulative) public view returns (bytes32) {
        bytes32 once = keccak256(abi.encode(block.chainid, address(this), token, payee, cumulative));
        return keccak256(bytes.concat(once));
    }

    // ------------------------------------------------------------------ within

    /// @dev Proves a claim and enters it, before any money moves.
    function _enter(address payee, address token, uint256 cumulative, bytes32[] calldata proof)
        private
        returns (uint256 amount)
    {
        if (delay != 0) _bringIntoForce(token);
        Promise storage promise_ = _promises[token];
        bytes32 given = MerkleProof.rootOf(proof, leafOf(payee, token, cumulative));
        bytes32 root = promise_.root;
        if (given != root) revert NotProven(root, given);
        Mark storage mark = _marks[token][payee];
        uint256 before = mark.paid;
        if (cumulative <= before) revert IRevenueSplitEvents.NothingDue(payee, token);
        uint256 books = promise_.books;
        unchecked {
            amount = cumulative - before;
            uint256 left = _totalOf(books) - _claimedOf(books);
            if (amount > left) revert TotalExceeded(left, amount);
            promise_.books = books + amount;
        }
        mark.paid = cumulative;
    }

    /// @dev Once more for many: what cannot be is told, not reverted.
    /// @return left Units that left; 0 if the claim was left out.
    function _claimOneOfMany(address token, Claim calldata claim_) private returns (uint256 left) {
        Promise storage promise_ = _promises[token];
        address payee = claim_.payee;
        Mark storage mark = _marks[token][payee];
        uint256 before = mark.paid;
        (Skip reason, uint256 amount) = _judge(token, claim_, promise_, before);
        if (amount != 0) {
            // Entered before the money moves, and taken back if it did not.
            uint256 books = promise_.books;
            (promise_.books, mark.paid) = (books + amount, before + amount);
            if (_deliver(token, payee, amount)) {
                emit PayeePaid(payee, token, amount);
                return amount;
            }
            (promise_.books, mark.paid) = (books, before);
        }
        emit ClaimSkipped(payee, token, reason);
    }

    /// @dev What a claim is worth, and why it will have been left out if it comes to nothing.
    function _judge(address token, Claim calldata claim_, Promise storage promise_, uint256 before)
        private
        view
        returns (Skip reason, uint256 amount)
    {
        bytes32 leaf = leafOf(claim_.payee, token, claim_.cumulative);
        if (MerkleProof.rootOf(claim_.proof, leaf) != promise_.root) return (Skip.NotProven, 0);
        if (claim_.cumulative <= before) return (Skip.NothingDue, 0);
        uint256 books = promise_.books;
        unchecked {
            amount = claim_.cumulative - before;
            if (amount > _totalOf(books) - _claimedOf(books)) return (Skip.TotalExceeded, 0);
        }
        return (Skip.NotDelivered, amount);
    }

    /// @dev Sends all of it or nothing.
    function _send(address token, address to, uint256 amount) private {
        if (token == Asset.COIN) {
            // What is promised and what is held have been lowered both when its recipient is called.
            Lock.requireFree(token);
            Delivery.sendAll(token, to, amount, 0);
            return;
        }
        Lock.requireFree(token);
        Lock.take(token);
        uint256 coins = address(this).balance;
        Delivery.sendAll(token, to, amount, 0);
        Lock.release(token);
        _checkCoins(coins);
    }

    /// @dev A payment in a token may have lowered the coin, where both are one balance; not below what is promised in coin.
    function _checkCoins(uint256 coins) private view {
        // What was paid in for a promise made meanwhile may hide the fall.
        if (address(this).balance >= coins && !Lock.isTaken(_COIN_PROMISES)) return;
        uint256 covered = _covered(Asset.COIN, _promises[Asset.COIN].books);
        uint256 total = _everPromised(Asset.COIN);
        if (covered < total) revert Underfunded(covered, total);
    }

    /// @dev Balance and claims are counted together, and neither claims nor the owner can bring their sum below a total that
    ///      is announced (`_everPromised`): what was funded when announced is funded when in force.
    function _bringIntoForce(address token) private returns (bool done) {
        Announcement storage announced_ = _announcements[token];
        done = _isDue(announced_);
        if (done) {
            Promise storage promise_ = _promises[token];
            (bytes32 root, uint256 total) = (announced_.root, announced_.total);
            promise_.root = root;
            promise_.books = _toBooks(total, _claimedOf(promise_.books));
            delete _announcements[token];
            emit Published(token, root, total);
        }
    }

    function _isDue(Announcement storage announced_) private view returns (bool) {
        uint256 activeAt = announced_.activeAt;
        return activeAt != 0 && block.timestamp >= activeAt;
    }

    /// @dev Units that are here or have gone to payees.
    function _covered(address token, uint256 books) private view returns (uint256) {
        // A token that says it is beyond all counting comes out short.
        unchecked {
            return Asset.balance(token) + _claimedOf(books);
        }
    }

    /// @dev The greater of the totals in force and announced; the later is never the smaller.
    function _everPromised(address token) private view returns (uint256) {
        Announcement storage announced_ = _announcements[token];
        return announced_.activeAt == 0 ? _totalOf(_promises[token].books) : announced_.total;
    }

    function _checkRecipient(address to) private view {
        if (to == address(0) || to == address(this)) revert IRevenueSplitEvents.InvalidRecipient(to);
    }

    function _totalOf(uint256 books) private pure returns (uint256) {
        return books >> 128;
    }

    function _claimedOf(uint256 books) private pure returns (uint256) {
        return uint128(books);
    }

    function _toBooks(uint256 total, uint256 claimed) private pure returns (uint256) {
        return total << 128 | claimed;
    }
}
