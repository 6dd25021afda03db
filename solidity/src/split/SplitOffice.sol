// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account, Books, toAccount, toBooks} from "../lib/Books.sol";
import {Asset} from "../lib/Asset.sol";
import {Delivery} from "../lib/Delivery.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {
    IRevenueSplitOffice,
    IRevenueSplitPayments,
    IRevenueSplitPayouts
} from "./IRevenueSplit.sol";
import {MoneyRule} from "../lib/MoneyRule.sol";
import {SplitState} from "./SplitState.sol";
import {Terms} from "../lib/Terms.sol";

/// @title The back office of a split: what is not done every day, and all views.
/// @dev It runs by delegation, in the clone's name.
abstract contract SplitOffice is IRevenueSplitOffice, SplitState {
    /// @dev For one payment of many: a claim among 400 payees with 8 tiers, a token that takes 300,000 gas, and as much as must
    ///      be left for the looks at what may not fall.
    uint256 private constant _ONE_OF_MANY = 750_000;

    // ------------------------------------------------------------------ money

    /// @inheritdoc IRevenueSplitOffice
    function payWithPermit(
        bytes32 saleId,
        address token,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        if (token.code.length == 0) revert Asset.NotAToken(token);
        // A permit that somebody has already handed in fails here, and is as good: the allowance decides.
        try IERC20Permit(token).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        _once(_sales, saleId);
        emit SalePaid(msg.sender, saleId, token, _draw(token, amount));
    }

    /// @inheritdoc IRevenueSplitOffice
    function claimMany(Claim[] calldata claims) external returns (uint256 paidClaims) {
        for (uint256 i = 0; i < claims.length; ++i) {
            Claim calldata one = claims[i];
            try IRevenueSplitPayouts(address(this)).claim{gas: _ONE_OF_MANY}(one.payee, one.proof, one.token) {
                ++paidClaims;
            } catch (bytes memory reason) {
                emit PaymentSkipped(one.payee, one.token, bytes4(reason));
            }
        }
    }

    /// @inheritdoc IRevenueSplitOffice
    function deliver(address asset, address to, uint256 amount, address settlement) external returns (bool paid_) {
        if (msg.sender != address(this)) revert Delivery.OnlyItself();
        if (asset == settlement) return Delivery.attempt(asset, to, amount, Asset.balance(asset));
        (uint256 held, uint256 coins, uint256 units) = _guard(asset, settlement);
        paid_ = Delivery.attempt(asset, to, amount, held);
        _unguard(asset, settlement, held, coins, units);
    }

    // ------------------------------------------------------------------ credits

    /// @inheritdoc IRevenueSplitOffice
    function withdrawCredit(address payee, address token) external returns (uint256 amount) {
        (Books books, uint256 held,) = _open(token);
        uint256 credit_ = _accounts[token][payee].credit();
        // Where a token has taken balance away, what is there is paid, and the rest stays a credit.
        amount = credit_ < held ? credit_ : held;
        _withdraw(payee, payee, token, amount, books, held);
    }

    /// @inheritdoc IRevenueSplitOffice
    function withdrawCredits(address[] calldata payees, address token) external returns (uint256 paidPayees) {
        for (uint256 i = 0; i < payees.length; ++i) {
            try this.withdrawCredit{gas: _ONE_OF_MANY}(payees[i], token) {
                ++paidPayees;
            } catch (bytes memory reason) {
                emit PaymentSkipped(payees[i], token, bytes4(reason));
            }
        }
    }

    /// @inheritdoc IRevenueSplitOffice
    function redirectCredit(address to, address token, uint256 amount) external {
        if (to == address(0) || to == address(this)) revert InvalidRecipient(to);
        (Books books, uint256 held,) = _open(token);
        uint256 credit_ = _accounts[token][msg.sender].credit();
        if (amount > credit_) revert CreditExceeded(credit_, amount);
        _withdraw(msg.sender, to, token, amount, books, held);
    }

    function _withdraw(address payee, address to, address token, uint256 amount, Books books, uint256 held) private {
        if (amount == 0) revert NothingDue(payee, token);
        Account account = _accounts[token][payee];
        _accounts[token][payee] = toAccount(account.mark(), account.credit() - amount);
        emit CreditWithdrawn(payee, token, to, amount);
        Books after_ = toBooks(books.distributed(), books.paidOut() + amount, books.claimedAlone());
        _payOut(token, to, amount, held, after_, _settlementToken);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IRevenueSplitOffice
    function commitment() external view returns (bytes32) {
        return _latest();
    }

    /// @inheritdoc IRevenueSplitOffice
    function verify(bytes calldata terms) external view returns (bool) {
        return Terms.commitmentOf(terms) == _latest();
    }

    /// @inheritdoc IRevenueSplitOffice
    function received(address token) external view returns (uint256 revenue) {
        (,, revenue) = _open(token);
    }

    /// @inheritdoc IRevenueSplitOffice
    function marks(address token) external view returns (uint256, uint256, bool) {
        (Books books,,) = _open(token);
        return (books.distributed(), books.paidOut(), books.claimedAlone());
    }

    /// @inheritdoc IRevenueSplitOffice
    function markOf(address payee, address token) external view returns (uint256) {
        (Books books,,) = _open(token);
        return _markOf(books, _accounts[token][payee]);
    }

    /// @inheritdoc IRevenueSplitOffice
    function credit(address payee, address token) external view returns (uint256) {
        _open(token);
        return _accounts[token][payee].credit();
    }

    /// @inheritdoc IRevenueSplitOffice
    function isSalePaid(address payer, bytes32 saleId) external view returns (bool) {
        return _sales[payer][saleId];
    }

    /// @inheritdoc IRevenueSplitOffice
    function isRemitted(address payer, bytes32 batchId) external view returns (bool) {
        return _batches[payer][batchId];
    }

    /// @inheritdoc IRevenueSplitOffice
    function entitlement(address payee, bytes calldata terms, address token) external view returns (uint256) {
        return _lineOf(payee, terms, token).entitlement;
    }

    /// @inheritdoc IRevenueSplitOffice
    function due(address payee, bytes calldata terms, address token) external view returns (uint256) {
        return _lineOf(payee, terms, token).due;
    }

    /// @inheritdoc IRevenueSplitOffice
    function paid(address payee, bytes calldata terms, address token) external view returns (uint256) {
        return _lineOf(payee, terms, token).paid;
    }

    /// @inheritdoc IRevenueSplitOffice
    function statement(bytes calldata terms, address token)
        external
        view
        returns (uint256 revenue, Line[] memory lines)
    {
        uint256 header = Terms.accept(terms, _inForce(token));
        Books books;
        (books,, revenue) = _open(token);
        (uint256 entry, uint256 end) = Terms.entriesOf(terms);
        uint256 stride = Terms.strideOf(Terms.tierCount(header));
        lines = new Line[]((end - entry) / stride);
        for (uint256 i = 0; i < lines.length; ++i) {
            lines[i] = _line(header, entry + i * stride, token, books, revenue);
        }
    }

    /// @inheritdoc IRevenueSplitOffice
    function proofOf(address payee, bytes calldata terms) external pure returns (bytes memory proof) {
        Terms.validate(terms);
        return Terms.proofOf(terms, _entryOf(payee, terms));
    }

    function _entryOf(address payee, bytes calldata terms) private pure returns (uint256 entry) {
        entry = Terms.find(terms, payee);
        if (entry == 0) revert UnknownPayee(payee);
    }

    function _lineOf(address payee, bytes calldata terms, address token) private view returns (Line memory) {
        uint256 header = Terms.accept(terms, _inForce(token));
        (Books books,, uint256 revenue) = _open(token);
        return _line(header, _entryOf(payee, terms), token, books, revenue);
    }

    function _line(uint256 header, uint256 entry, address token, Books books, uint256 revenue)
        private
        view
        returns (Line memory line)
    {
        line.payee = Terms.payeeAt(entry);
        Account account = _accounts[token][line.payee];
        uint256 mark = _markOf(books, account);
        uint256 base = _base(token);
        line.earlier = _earlierCredit(token, line.payee, account.credit());
        line.credit = account.credit() - line.earlier;
        line.entitlement = MoneyRule.earned(header, entry, token, base, base, revenue);
        line.paid = MoneyRule.earned(header, entry, token, base, base, mark) - line.credit;
        line.due = MoneyRule.earned(header, entry, token, base, mark, revenue);
    }

    /// @inheritdoc IRevenueSplitOffice
    function supportsInterface(bytes4 id) public pure virtual returns (bool) {
        return id == 0x01ffc9a7 || id == type(IRevenueSplitPayments).interfaceId
            || id == type(IRevenueSplitPayouts).interfaceId || id == type(IRevenueSplitOffice).interfaceId;
    }
}
