// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BookHandler} from "./BookHandler.sol";
import {EscrowHandler} from "./EscrowHandler.sol";
import {IPayoutBook} from "../ITrust.sol";
import {Token} from "mocks/Token.sol";

/// @title What is true of sales held in trust, whatever anybody does (docs/invariants.md).
contract EscrowInvariants {
    EscrowHandler private _handler;

    function setUp() external {
        _handler = new EscrowHandler();
    }

    function targetContracts() external view returns (address[] memory found) {
        found = new address[](1);
        found[0] = address(_handler);
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function targetSelectors() external view returns (FuzzSelector[] memory found) {
        found = new FuzzSelector[](1);
        bytes4[14] memory steps = [
            EscrowHandler.open.selector,
            EscrowHandler.open.selector,
            EscrowHandler.act.selector,
            EscrowHandler.act.selector,
            EscrowHandler.act.selector,
            EscrowHandler.act.selector,
            EscrowHandler.starve.selector,
            EscrowHandler.sneak.selector,
            EscrowHandler.create.selector,
            EscrowHandler.withdraw.selector,
            EscrowHandler.wait_.selector,
            EscrowHandler.turn.selector,
            EscrowHandler.plan.selector,
            EscrowHandler.behave.selector
        ];
        found[0].addr = address(_handler);
        found[0].selectors = new bytes4[](steps.length);
        for (uint256 n = 0; n < steps.length; ++n) {
            found[0].selectors[n] = steps[n];
        }
    }

    /// @notice Every promise holds.
    function invariant_everyPromise() external view {
        onlyRightfulSteps();
        balanceIsWhatIsHeldOwedAndSetAside();
        recordsAreTrue();
        nobodyElseIsPaid();
    }

    function afterInvariant() external {
        everySaleCanEnd();
    }

    /// @notice A sale ends once, by whom and when its terms say; whoever may end it, can; and its money is with the split, with
    ///         the buyer, or owed to the split and still here.
    function onlyRightfulSteps() private view {
        string memory how = _handler.broken();
        require(bytes(how).length == 0, how);
    }

    /// @notice The sum of what is held, owed and set aside is the balance, to the unit; where a token has said that it paid and
    ///         kept the money, that is left over, and so is what stays behind of a sale as a token's rounding.
    function balanceIsWhatIsHeldOwedAndSetAside() private view {
        uint256[3] memory due = _handler.due();
        for (uint256 k = 0; k < 3; ++k) {
            uint256 balance = _handler.balance(k, address(_handler.escrow()));
            require(balance >= due[k], "more is due than there is");
            require(_handler.kept(k) || balance == due[k] + _handler.rounded(k), "the balance is another");
        }
    }

    /// @notice A split has a record of a sale exactly if the sale's money has reached it.
    function recordsAreTrue() private view {
        require(_handler.recordsAreTrue(), "a record without its money, or money without its record");
    }

    /// @notice All money is with the escrow, buyers, splits, or where one of them sent its own credit.
    function nobodyElseIsPaid() private view {
        require(_handler.everywhere(0) == _handler.coinSupply(), "coin has left");
        for (uint256 k = 1; k < _handler.ASSETS(); ++k) {
            require(_handler.everywhere(k) == Token(_handler.assets(k)).totalSupply(), "tokens have left");
        }
    }

    /// @notice Whatever the parties do or leave undone: once all times are over anybody can end every sale, the seller can give
    ///         back what a split did not take, and then all there is is what was set aside.
    function everySaleCanEnd() private {
        _handler.endAll();
        onlyRightfulSteps();
        balanceIsWhatIsHeldOwedAndSetAside();
    }

    /// @notice The campaign does end sales, and delays some.
    function test_theHandlerSettles() external {
        for (uint256 n = 0; n < 36; ++n) {
            (uint256 s, uint256 b, uint256 id) = (n % 3, n / 3 % 2, n / 6 % 3);
            _handler.open(s, b, id, n, n << 8 | 50, n);
            _handler.act(s, b, id, n % 3 == 0 ? 1 : 0, 1, 1);
            _handler.act(s, b, id, 3, 1, 1);
            if (n == 18) _handler.create();
            _handler.act(s, b, id, 4, 1, 1);
            this.invariant_everyPromise();
        }
        require(_handler.settled() > 17 && _handler.delayed() > 3 && _handler.late() > 1, "sales did not end");
    }
}

/// @title What is true of payout books, whatever anybody does (docs/invariants.md).
contract BookInvariants {
    BookHandler private _handler;

    function setUp() external {
        _handler = new BookHandler();
    }

    function targetContracts() external view returns (address[] memory found) {
        found = new address[](1);
        found[0] = address(_handler);
    }

    /// @notice Every promise holds.
    function invariant_everyPromise() external view {
        claimsAndPublicationsAreRightful();
        (uint256 b, uint256 k) = (_handler.atBook(), _handler.atAsset());
        neverPromisesMoreThanItHolds(b, k);
        paidAddsUp(b, k);
        nobodyElseIsPaid(k);
    }

    function afterInvariant() external view {
        for (uint256 k = 0; k < _handler.ASSETS(); ++k) {
            for (uint256 b = 0; b < _handler.BOOKS(); ++b) {
                neverPromisesMoreThanItHolds(b, k);
                paidAddsUp(b, k);
            }
            nobodyElseIsPaid(k);
        }
    }

    /// @notice Only the owner publishes, only what is funded and takes no promise back; what is announced can be withdrawn
    ///         until it is in force; claims need a leaf in force, pay it once, and are kept; nothing paid or promised falls.
    function claimsAndPublicationsAreRightful() private view {
        string memory how = _handler.broken();
        require(bytes(how).length == 0, how);
    }

    /// @notice balance + claimed ≥ total, in force and announced; claimed ≤ total.
    function neverPromisesMoreThanItHolds(uint256 b, uint256 k) private view {
        IPayoutBook book = _handler.books(b);
        (, uint256 total, uint256 claimed) = book.promised(_handler.assets(k));
        (, uint256 announced,) = book.announced(_handler.assets(k));
        uint256 covered = _handler.balance(k, address(book)) + claimed;
        require(covered >= total && covered >= announced, "more is promised than is held");
        require(claimed <= total, "more was claimed than promised");
    }

    /// @notice What payees have been paid is what was claimed, and no payee more than the most a leaf in force ever gave it.
    function paidAddsUp(uint256 b, uint256 k) private view {
        (,, uint256 claimed) = _handler.books(b).promised(_handler.assets(k));
        uint256 sum = 0;
        for (uint256 i = 0; i < _handler.PAYEES(); ++i) {
            uint256 paid = _handler.books(b).paid(_handler.payees(i), _handler.assets(k));
            require(paid <= _handler.mostGiven(b, k, i), "somebody was paid more than it was ever given");
            sum += paid;
        }
        require(sum == claimed, "paid against claimed");
    }

    /// @notice All money is with the books, with payees, or where the owner or a payee sent its own.
    function nobodyElseIsPaid(uint256 k) private view {
        uint256 sum = _handler.balance(k, _handler.SHELTER());
        for (uint256 b = 0; b < _handler.BOOKS(); ++b) {
            sum += _handler.balance(k, address(_handler.books(b)));
        }
        for (uint256 i = 0; i < _handler.PAYEES(); ++i) {
            sum += _handler.balance(k, _handler.payees(i));
        }
        require(sum == (k == 0 ? _handler.supply(0) : Token(_handler.assets(k)).totalSupply()), "money has left");
    }

    /// @notice The campaign does publish and claim.
    function test_theHandlerPublishesAndClaims() external {
        for (uint256 n = 1; n < 20; ++n) {
            _handler.publish(n, n / 2, n, 1 + 3 * n);
            _handler.wait_(86_399);
            _handler.wait_(86_399);
            _handler.claim(n, n / 2, n, 3);
            this.invariant_everyPromise();
        }
        require(_handler.published() > 9 && _handler.claims() > 5, "nothing happens");
    }
}
