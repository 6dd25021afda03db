// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Asset} from "../lib/Asset.sol";
import {Deliverer, Delivery} from "../lib/Delivery.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IRevenueSplitEvents, IRevenueSplitPayments} from "../split/IRevenueSplit.sol";
import {Lock} from "../lib/Lock.sol";

interface IAllowance {
    function approve(address spender, uint256 amount) external returns (bool);
    function allowance(address owner, address spender) external view returns (uint256);
}

/// @title SaleEscrow: a sale's money, held until it is known whose it is.
/// @notice A buyer opens a sale with its money. It ends in one of these ways, and then for ever:
///
///     confirmed   by the buyer, at any time                             → all to the split
///     expired     by anyone from the deadline on, if not disputed       → all to the split
///     refunded    by the seller, at any time                            → all to the buyer
///     decided     by the arbiter, if disputed, before its own deadline  → part to the buyer, the rest to the split
///     defaulted   by anyone from that deadline on, if still disputed    → all to whom the terms of the sale say
///
/// The buyer may dispute before the deadline, where there is an arbiter. What goes to the split arrives there as
/// `pay(recordId, token, amount)`, with this contract as the payer, or not at all: while there is no split yet, or its
/// token keeps the money from arriving, it is owed and stays here. Anyone may then `release` it later, and the seller may
/// still refund it. What a buyer cannot receive is set aside as its credit, which anyone may have delivered later.
///
/// Amounts are in the token's smallest unit; `token` is address(0) for the chain's own coin; times are seconds since 1970.
/// A sale is known by the split it is for, its buyer and its id, together, and each such triple is used once; so nobody can
/// take another's. To the split it is known by `recordIdOf(buyer, saleId)`.
///
/// What it is not: it has no owner, no fee, no upgrade, and it does not judge tokens. The balance of each token covers all
/// that is held, owed and set aside in it, as long as the token neither lowers balances nor charges the sender on top; one
/// that does harms the sales in that token, and no others. Plain transfers of tokens to this contract are lost; coin is
/// refused.
///
/// Assumptions: EIP-1153. No token gives a function `pay(bytes32,address,uint256)` the meaning of a transfer.
contract SaleEscrow is Deliverer {
    enum State {
        None,
        Held,
        Disputed,
        Owed,
        Done
    }

    /// @notice How a sale ended.
    enum Ending {
        Confirmed,
        Expired,
        Refunded,
        Decided,
        Defaulted
    }

    /// @notice What a buyer opens a sale with.
    /// @param split The RevenueSplit that the money is for; it need not exist yet.
    /// @param saleId Unique per split and buyer, in this contract.
    /// @param amount Units of `token` to hold; more than zero, less than 2^127.
    /// @param seller Who may refund; not the buyer.
    /// @param arbiter Who decides a dispute; neither buyer nor seller. Zero: no dispute is possible.
    /// @param deadline From when on anyone may release the money.
    /// @param decisionDeadline Until when the arbiter may decide; later than `deadline`, at most ten years away. Zero
    ///        without an arbiter.
    /// @param refundByDefault Whether an undecided dispute ends with a refund (else with a release).
    struct Terms {
        address split;
        bytes32 saleId;
        address token;
        uint256 amount;
        address seller;
        address arbiter;
        uint64 deadline;
        uint64 decisionDeadline;
        bool refundByDefault;
    }

    /// @notice A sale, as it is kept.
    /// @param amount What arrived: less than stated when the token takes a fee. It stays when the sale is done.
    /// @param owed What is to reach the split and has not yet.
    struct Sale {
        address buyer;
        uint40 deadline;
        uint40 decisionDeadline;
        bool refundByDefault;
        State state;
        address token;
        address seller;
        address arbiter;
        uint128 amount;
        uint128 owed;
    }

    uint256 private constant _LONGEST = 3650 days;
    uint256 private constant _MOST = 2 ** 127 - 1;
    /// @dev By how many units less or more than the amount a balance may fall: tokens of shares round.
    uint256 private constant _ROUNDING = 2;
    /// @dev For approval and `pay`, with tokens behind proxies and hooks. Whoever ends a sale has to send that much on top if
    ///      `pay` fails, or nobody could tell a failure of the split's own from a lack of gas.
    uint256 private constant _PAY_GAS = 500_000;

    /// @dev One lock for all: what a sale is worth is known while nothing moves.
    address private constant _ANYTHING = address(1);

    mapping(address split => mapping(bytes32 recordId => Sale)) private _sales;
    mapping(address token => mapping(address payee => uint256)) private _credits;

    /// @notice A sale was opened with `amount`, which is what arrived.
    event Opened(
        address indexed split,
        address indexed buyer,
        bytes32 indexed saleId,
        address token,
        uint256 amount,
        address seller,
        address arbiter,
        uint256 deadline,
        uint256 decisionDeadline,
        bool refundByDefault
    );

    /// @notice The buyer disputes a sale.
    event Disputed(address indexed split, address indexed buyer, bytes32 indexed saleId);

    /// @notice A sale ended. The two amounts make what was held.
    event Settled(
        address indexed split,
        address indexed buyer,
        bytes32 indexed saleId,
        Ending ending,
        uint256 amountToSplit,
        uint256 amountToBuyer
    );

    /// @notice What the sale of this transaction brings the split could not be paid in: it stays here, owed.
    event Delayed(address indexed split, address indexed buyer, bytes32 indexed saleId, uint256 amount);

    /// @notice What was owed has reached the split; or, `refunded`, has gone back to the buyer.
    event OwedSettled(address indexed split, address indexed buyer, bytes32 indexed saleId, uint256 amount, bool refunded);

    /// @notice `amount` of the settlement in this transaction could not be delivered and was set aside for `payee`.
    event Credited(address indexed payee, address indexed token, uint256 amount);

    /// @notice `amount` that had been set aside for `payee` was paid to `to`.
    event CreditWithdrawn(address indexed payee, address indexed token, address to, uint256 amount);

    /// @dev The buyer has used this id for this split before.
    error AlreadyOpened(address split, address buyer, bytes32 saleId);
    /// @dev Nobody, or somebody who must not, is named where a party is asked for.
    error InvalidParty(address party);
    /// @dev A time that is not later than `after_`, or later than `last`.
    error InvalidTime(uint256 time, uint256 after_, uint256 last);
    /// @dev An arbiter without a time to decide, or a time without an arbiter.
    error ArbiterAndTime(address arbiter, uint256 decisionDeadline);
    /// @dev More than a split can count.
    error AmountTooLarge(uint256 amount);
    /// @dev Only `expected` may do this.
    error Unauthorised(address caller, address expected);
    /// @dev Not possible for a sale in this state.
    error WrongState(State state);
    /// @dev Possible from `time` on.
    error TooEarly(uint256 time);
    /// @dev Was possible until `time`.
    error TooLate(uint256 time);
    /// @dev Nobody can decide: the sale has no arbiter.
    error NoArbiter();
    /// @dev More than was held.
    error MoreThanHeld(uint256 amount, uint256 held);
    /// @dev There is no split, or it did not take exactly the money.
    error NotTaken(address split, uint256 amount);

    modifier nonReentrant() {
        Lock.requireFree(_ANYTHING);
        Lock.take(_ANYTHING);
        _;
        Lock.release(_ANYTHING);
    }

    // ------------------------------------------------------------------ the buyer

    /// @notice Opens a sale with the caller's money: coin sent along, or tokens the caller has allowed this contract.
    /// @dev Reverts: AlreadyOpened, InvalidParty, InvalidTime, ArbiterAndTime, AmountTooLarge, NothingPaid,
    ///      ValueMismatch, PaymentRefused, NotAToken, Reentered.
    function open(Terms calldata terms) external payable nonReentrant {
        _open(terms);
    }

    /// @notice The same with a token, its allowance given by an ERC-2612 permit of the caller's for `terms.amount`.
    /// @param until The permit's own deadline.
    /// @dev Reverts as `open` does. A permit that fails does not matter where the allowance is there.
    function openWithPermit(Terms calldata terms, uint256 until, uint8 v, bytes32 r, bytes32 s) external nonReentrant {
        if (terms.token.code.length == 0) revert Asset.NotAToken(terms.token);
        // Anyone may hand in a permit; one that was is as good.
        try IERC20Permit(terms.token).permit(msg.sender, address(this), terms.amount, until, v, r, s) {} catch {}
        _open(terms);
    }

    /// @notice Gives the money to the split; the buyer only, at any time, disputed or not.
    /// @param split Whom the sale was opened for.
    /// @param saleId What the caller opened it as.
    /// @dev Reverts: WrongState, NotEnoughGas, Reentered.
    function confirm(address split, bytes32 saleId) external nonReentrant {
        Sale storage sale_ = _unsettled(split, msg.sender, saleId);
        _settle(split, saleId, sale_, Ending.Confirmed, 0);
    }

    /// @notice Stops the release at the deadline, so that the arbiter decides; the buyer only, before the deadline.
    /// @dev Reverts: WrongState, TooLate, NoArbiter, Reentered.
    function dispute(address split, bytes32 saleId) external nonReentrant {
        Sale storage sale_ = _in(State.Held, split, msg.sender, saleId);
        _checkBefore(sale_.deadline);
        if (sale_.arbiter == address(0)) revert NoArbiter();
        sale_.state = State.Disputed;
        emit Disputed(split, msg.sender, saleId);
    }

    // ------------------------------------------------------------------ the others

    /// @notice Gives the money back to the buyer; the seller only, at any time, disputed or not; also what is owed.
    /// @param buyer Who opened the sale.
    /// @dev Reverts: Unauthorised, WrongState, NotEnoughGas, Reentered.
    function refund(address split, address buyer, bytes32 saleId) external nonReentrant {
        Sale storage sale_ = _saleOf(split, buyer, saleId);
        if (sale_.state == State.Owed) {
            _checkCaller(sale_.seller);
            uint256 owed = _takeOwed(sale_);
            emit OwedSettled(split, buyer, saleId, owed, true);
            _payOrCredit(sale_.token, buyer, owed);
            return;
        }
        sale_ = _unsettled(split, buyer, saleId);
        _checkCaller(sale_.seller);
        _settle(split, saleId, sale_, Ending.Refunded, sale_.amount);
    }

    /// @notice Decides a dispute; the arbiter only, before the decision deadline.
    /// @param amountToBuyer Units that go back; the rest of what was held goes to the split.
    /// @dev Reverts: Unauthorised, WrongState, TooLate, MoreThanHeld, NotEnoughGas, Reentered.
    function decide(address split, address buyer, bytes32 saleId, uint256 amountToBuyer) external nonReentrant {
        Sale storage sale_ = _in(State.Disputed, split, buyer, saleId);
        _checkCaller(sale_.arbiter);
        _checkBefore(sale_.decisionDeadline);
        if (amountToBuyer > sale_.amount) revert MoreThanHeld(amountToBuyer, sale_.amount);
        _settle(split, saleId, sale_, Ending.Decided, amountToBuyer);
    }

    /// @notice Gives the money of an undisputed sale to the split; anyone, from the deadline on. Also what is owed; anyone,
    ///         at any time, with all the gas there is.
    /// @dev Reverts: WrongState, TooEarly, NotEnoughGas, NotTaken (what is owed still cannot arrive), Reentered.
    function release(address split, address buyer, bytes32 saleId) external nonReentrant {
        Sale storage sale_ = _saleOf(split, buyer, saleId);
        if (sale_.state == State.Owed) {
            uint256 owed = _takeOwed(sale_);
            if (!_payIn(split, recordIdOf(buyer, saleId), sale_.token, owed, gasleft())) revert NotTaken(split, owed);
            emit OwedSettled(split, buyer, saleId, owed, false);
            return;
        }
        sale_ = _in(State.Held, split, buyer, saleId);
        _checkFrom(sale_.deadline);
        _settle(split, saleId, sale_, Ending.Expired, 0);
    }

    /// @notice Ends a dispute that the arbiter has left undecided, as the terms say; anyone, from the decision deadline on.
    /// @dev Reverts: WrongState, TooEarly, NotEnoughGas, Reentered.
    function settleByDefault(address split, address buyer, bytes32 saleId) external nonReentrant {
        Sale storage sale_ = _in(State.Disputed, split, buyer, saleId);
        _checkFrom(sale_.decisionDeadline);
        _settle(split, saleId, sale_, Ending.Defaulted, sale_.refundByDefault ? sale_.amount : 0);
    }

    // ------------------------------------------------------------------ credits

    /// @notice Pays a payee what was set aside for it. Anyone may call; the money goes to the payee.
    /// @return amount Units that left.
    /// @dev Reverts: NothingDue, PaymentFailed, NotAToken, Reentered.
    function withdrawCredit(address payee, address token) external nonReentrant returns (uint256 amount) {
        amount = _credits[token][payee];
        _withdraw(payee, payee, token, amount);
    }

    /// @notice Sends what was set aside for the caller, or part of it, to another address: for a payee that cannot receive,
    ///         or whose token asks for a fee on top.
    /// @param to Not zero, and not this contract.
    /// @param amount Units; more than zero.
    /// @dev Reverts: InvalidRecipient, CreditExceeded, and as `withdrawCredit` does.
    function redirectCredit(address to, address token, uint256 amount) external nonReentrant {
        if (to == address(0) || to == address(this)) revert IRevenueSplitEvents.InvalidRecipient(to);
        _withdraw(msg.sender, to, token, amount);
    }

    // ------------------------------------------------------------------ views

    /// @notice A sale; all zeros if it was never opened.
    function sale(address split, address buyer, bytes32 saleId) external view returns (Sale memory) {
        return _saleOf(split, buyer, saleId);
    }

    /// @notice The id by which the split records a sale; the payer is this contract.
    function recordIdOf(address buyer, bytes32 saleId) public pure returns (bytes32) {
        return keccak256(abi.encode(buyer, saleId));
    }

    /// @notice Units set aside for a payee.
    function credit(address payee, address token) external view returns (uint256) {
        return _credits[token][payee];
    }

    // ------------------------------------------------------------------ within

    function _open(Terms calldata terms) private {
        Sale storage sale_ = _saleOf(terms.split, msg.sender, terms.saleId);
        if (sale_.state != State.None) revert AlreadyOpened(terms.split, msg.sender, terms.saleId);
        _checkTerms(terms);
        sale_.buyer = msg.sender;
        sale_.deadline = uint40(terms.deadline);
        sale_.decisionDeadline = uint40(terms.decisionDeadline);
        sale_.refundByDefault = terms.refundByDefault;
        sale_.state = State.Held;
        sale_.token = terms.token;
        sale_.seller = terms.seller;
        sale_.arbiter = terms.arbiter;
        uint256 amount = _collect(terms.token, terms.amount);
        sale_.amount = uint128(amount);
        emit Opened(
            terms.split,
            msg.sender,
            terms.saleId,
            terms.token,
            amount,
            terms.seller,
            terms.arbiter,
            terms.deadline,
            terms.decisionDeadline,
            terms.refundByDefault
        );
    }

    function _checkTerms(Terms calldata terms) private view {
        if (terms.split == address(0) || terms.split == address(this) || terms.split == terms.token) {
            revert InvalidParty(terms.split);
        }
        if (terms.seller == address(0) || terms.seller == msg.sender) revert InvalidParty(terms.seller);
        uint256 last = block.timestamp + _LONGEST;
        _checkTime(terms.deadline, block.timestamp, last);
        if ((terms.arbiter == address(0)) != (terms.decisionDeadline == 0)) {
            revert ArbiterAndTime(terms.arbiter, terms.decisionDeadline);
        }
        if (terms.arbiter == address(0)) return;
        if (terms.arbiter == msg.sender || terms.arbiter == terms.seller) revert InvalidParty(terms.arbiter);
        _checkTime(terms.decisionDeadline, terms.deadline, last);
    }

    function _checkTime(uint256 time, uint256 after_, uint256 last) private pure {
        if (time <= after_ || time > last) revert InvalidTime(time, after_, last);
    }

    function _collect(address token, uint256 amount) private returns (uint256 arrived) {
        if (amount == 0) revert IRevenueSplitEvents.NothingPaid();
        if (token == Asset.COIN) {
            if (msg.value != amount) revert IRevenueSplitEvents.ValueMismatch(msg.value, amount);
            arrived = amount;
        } else {
            if (msg.value != 0) revert IRevenueSplitEvents.ValueMismatch(msg.value, 0);
            arrived = Asset.pull(token, msg.sender, amount);
        }
        if (arrived > _MOST) revert AmountTooLarge(arrived);
    }

    function _saleOf(address split, address buyer, bytes32 saleId) private view returns (Sale storage) {
        return _sales[split][recordIdOf(buyer, saleId)];
    }

    function _unsettled(address split, address buyer, bytes32 saleId) private view returns (Sale storage sale_) {
        sale_ = _saleOf(split, buyer, saleId);
        if (sale_.state != State.Held && sale_.state != State.Disputed) revert WrongState(sale_.state);
    }

    function _in(State state, address split, address buyer, bytes32 saleId)
        private
        view
        returns (Sale storage sale_)
    {
        sale_ = _saleOf(split, buyer, saleId);
        if (sale_.state != state) revert WrongState(sale_.state);
    }

    function _checkCaller(address expected) private view {
        if (msg.sender != expected) revert Unauthorised(msg.sender, expected);
    }

    function _checkBefore(uint256 time) private view {
        if (block.timestamp >= time) revert TooLate(time);
    }

    function _checkFrom(uint256 time) private view {
        if (block.timestamp < time) revert TooEarly(time);
    }

    /// @dev The only way out of Held and Disputed. Neither the split nor the buyer can make it fail.
    function _settle(address split, bytes32 saleId, Sale storage sale_, Ending ending, uint256 amountToBuyer) private {
        sale_.state = State.Done;
        address token = sale_.token;
        address buyer = sale_.buyer;
        uint256 amountToSplit = sale_.amount - amountToBuyer;
        emit Settled(split, buyer, saleId, ending, amountToSplit, amountToBuyer);
        if (amountToBuyer != 0) _payOrCredit(token, buyer, amountToBuyer);
        if (amountToSplit != 0 && !_payIn(split, recordIdOf(buyer, saleId), token, amountToSplit, _PAY_GAS)) {
            if (split.code.length != 0) Delivery.requireGas(_PAY_GAS);
            (sale_.state, sale_.owed) = (State.Owed, uint128(amountToSplit));
            emit Delayed(split, buyer, saleId, amountToSplit);
        }
    }

    /// @dev The only way out of Owed.
    function _takeOwed(Sale storage sale_) private returns (uint256 owed) {
        owed = sale_.owed;
        (sale_.state, sale_.owed) = (State.Done, 0);
    }

    function _payOrCredit(address token, address payee, uint256 amount) private {
        if (_deliver(token, payee, amount)) return;
        _credits[token][payee] += amount;
        emit Credited(payee, token, amount);
    }

    /// @dev Pays the split by `pay`, if it can be done; else nothing has happened, not even an approval.
    function _payIn(address split, bytes32 recordId, address token, uint256 amount, uint256 gas_) private returns (bool) {
        if (split.code.length == 0) return false;
        try this.payIn{gas: gas_}(split, recordId, token, amount) {
            return true;
        } catch {
            return false;
        }
    }

    /// @notice Part of a settlement, in a call of its own so that it happens as a whole or not at all; this contract only.
    /// @dev Reverts: OnlyItself; NotTaken or the split's own error, and then the money stays here.
    function payIn(address split, bytes32 recordId, address token, uint256 amount) external {
        if (msg.sender != address(this)) revert Delivery.OnlyItself();
        if (token == Asset.COIN) {
            IRevenueSplitPayments(split).pay{value: amount}(recordId, token, amount);
            return;
        }
        uint256 held = Asset.balance(token);
        _approve(token, split, amount);
        IRevenueSplitPayments(split).pay(recordId, token, amount);
        // The money has gone, but for what a token of shares rounds, and no allowance stays behind by which more could follow.
        uint256 holds = Asset.balance(token);
        if (holds + amount + _ROUNDING < held || holds + amount > held + _ROUNDING) revert NotTaken(split, amount);
        if (IAllowance(token).allowance(address(this), split) != 0) revert NotTaken(split, amount);
    }

    /// @dev Whether it worked shows in what the split then takes; some tokens answer nothing.
    function _approve(address token, address split, uint256 amount) private {
        (bool called,) = token.call(abi.encodeCall(IAllowance.approve, (split, amount)));
        if (!called) revert NotTaken(split, amount);
    }

    function _withdraw(address payee, address to, address token, uint256 amount) private {
        uint256 credit_ = _credits[token][payee];
        if (amount == 0) revert IRevenueSplitEvents.NothingDue(payee, token);
        if (amount > credit_) revert IRevenueSplitEvents.CreditExceeded(credit_, amount);
        _credits[token][payee] = credit_ - amount;
        emit CreditWithdrawn(payee, token, to, amount);
        Delivery.sendAll(token, to, amount, Asset.balance(token));
    }
}
