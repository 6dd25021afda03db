// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Agreement, Agreements} from "../Agreement.sol";
import {IRevenueSplit, IRevenueSplitOffice} from "revshare/split/IRevenueSplit.sol";
import {SplitHandler} from "./SplitHandler.sol";
import {Statements} from "./Statements.sol";
import {Token} from "mocks/Token.sol";

/// @title What is true of every split, whatever anybody does (docs/invariants.md).
/// @dev After each step every promise is asked of the split and the asset that the step was about, and at the end of each run
///      of all of them: what a step did elsewhere shows then. One campaign asks them all: forge would give each a campaign of
///      its own, but with one seed these would be the very same steps.
abstract contract SplitPromises {
    using Agreements for Agreement;

    SplitHandler internal handler;

    /// @notice Every promise holds.
    function invariant_everyPromise() external {
        if (!handler.moved()) return;
        Position memory p = _position(handler.atSplit(), handler.atAsset());
        _state(p);
        idsAreUsedOnce();
        claimsNeverExceed();
        creditsFallByWithdrawalOnly();
        failuresAreNotForged();
        monotone();
        onlyTheTermsMoveMoney();
        liveness(p);
        pathsDoNotMatter(p);
    }

    function afterInvariant() external view {
        for (uint256 s = 0; s < handler.SPLITS(); ++s) {
            for (uint256 k = 0; k < handler.ASSETS(); ++k) {
                Position memory p = _position(s, k);
                _state(p);
                for (uint256 i = 0; i < p.marks.length; ++i) {
                    require(p.marks[i] == p.split.markOf(p.lines[i].payee, p.token), "a payee's mark against the books");
                }
            }
        }
    }

    function _state(Position memory p) private view {
        entitlementsFollowTheMoneyRule(p);
        conservation(p);
        dustIsBounded(p);
        linesAddUp(p);
        logsTellTheBooks(p);
        solvency(p);
        nothingIsPaidTwice(p);
        paidIsWhatArrived(p);
        nobodyElseIsPaid(p);
    }

    function targetContracts() external view returns (address[] memory found) {
        found = new address[](1);
        found[0] = address(handler);
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function targetSelectors() external view returns (FuzzSelector[] memory found) {
        found = new FuzzSelector[](1);
        bytes4[20] memory steps = [
            SplitHandler.send.selector,
            SplitHandler.pay.selector,
            SplitHandler.remit.selector,
            SplitHandler.distribute.selector,
            SplitHandler.distribute.selector,
            SplitHandler.starve.selector,
            SplitHandler.claim.selector,
            SplitHandler.forge.selector,
            SplitHandler.withdraw.selector,
            SplitHandler.redirect.selector,
            SplitHandler.claimMany.selector,
            SplitHandler.withdrawMany.selector,
            SplitHandler.work.selector,
            SplitHandler.turn.selector,
            SplitHandler.plan.selector,
            SplitHandler.attack.selector,
            SplitHandler.behave.selector,
            SplitHandler.answer.selector,
            SplitHandler.rebase.selector,
            SplitHandler.slump.selector
        ];
        found[0].addr = address(handler);
        found[0].selectors = new bytes4[](steps.length);
        for (uint256 n = 0; n < steps.length; ++n) {
            found[0].selectors[n] = steps[n];
        }
    }

    /// @dev One asset of one split, all at once.
    struct Position {
        uint256 s;
        uint256 k;
        IRevenueSplit split;
        Agreement agreement;
        address token;
        uint256 revenue;
        uint256 paidOut;
        uint256[] marks;
        IRevenueSplitOffice.Line[] lines;
    }

    function _position(uint256 s, uint256 k) private view returns (Position memory p) {
        (p.s, p.k, p.split, p.agreement, p.token) =
            (s, k, handler.splits(s), handler.agreement(s), handler.assets(k));
        (p.revenue, p.lines) = p.split.statement(handler.terms(s), p.token);
        uint256 distributed;
        bool alone;
        (distributed, p.paidOut, alone) = p.split.marks(p.token);
        p.marks = new uint256[](p.lines.length);
        for (uint256 i = 0; i < p.marks.length; ++i) {
            p.marks[i] = alone ? p.split.markOf(p.lines[i].payee, p.token) : distributed;
        }
    }

    // ------------------------------------------------------------------ states

    /// @notice The contract's entitlements are those of the money rule.
    function entitlementsFollowTheMoneyRule(Position memory p) private pure {
        for (uint256 i = 0; i < p.lines.length; ++i) {
            require(
                p.lines[i].entitlement == p.agreement.entitlement(i, p.token, p.revenue), "entitlement against the money rule"
            );
        }
    }

    /// @notice Σ entitlement ≤ revenue.
    function conservation(Position memory p) private pure {
        require(_sumOfEntitlements(p) <= p.revenue, "more is earned than came in");
    }

    /// @notice What rounding leaves over is at most Σ_t (n_t − 1) units.
    function dustIsBounded(Position memory p) private pure {
        require(p.revenue - _sumOfEntitlements(p) <= p.agreement.dustBound(p.token), "too much dust");
    }

    function _sumOfEntitlements(Position memory p) private pure returns (uint256 sum) {
        for (uint256 i = 0; i < p.lines.length; ++i) {
            sum += p.lines[i].entitlement;
        }
    }

    /// @notice entitlement = paid + credit + due, as long as revenue stands at or beyond the payee's mark; and always what
    ///         was paid and set aside is what was earned up to the mark.
    function linesAddUp(Position memory p) private view {
        uint256 paid = 0;
        for (uint256 i = 0; i < p.lines.length; ++i) {
            IRevenueSplitOffice.Line memory line = p.lines[i];
            uint256 mark = p.marks[i];
            uint256 earned = p.agreement.entitlement(i, p.token, mark);
            require(line.paid + line.credit == earned, "paid and credit against the mark");
            require(line.earlier == 0, "there were no terms before these");
            require(line.due == (p.revenue > mark ? line.entitlement - earned : 0), "due against the mark");
            require(p.k == handler.ODD() || line.entitlement == line.paid + line.credit + line.due, "a line does not add up");
            paid += line.paid;
        }
        require(paid == p.paidOut, "the lines against the books");
    }

    /// @notice Whoever has but the logs and the terms knows all the books.
    function logsTellTheBooks(Position memory p) private view {
        if (handler.nested()) return;
        Statements told = handler.statements(p.s);
        require(told.paidOut(p.token) == p.paidOut, "paid out, by the logs");
        for (uint256 i = 0; i < p.lines.length; ++i) {
            address payee = p.lines[i].payee;
            require(told.paid(p.token, payee) == p.lines[i].paid, "paid, by the logs");
            require(told.credit(p.token, payee) == p.lines[i].credit, "credit, by the logs");
            require(told.markOf(payee, p.token) == p.marks[i], "mark, by the logs");
        }
    }

    /// @notice balance ≥ Σ due + Σ credit: always, in every asset whose revenue never falls; in the odd one whenever revenue
    ///         stands again at or beyond every payee's mark.
    function solvency(Position memory p) private view {
        uint256 owed = 0;
        bool fallen = false;
        for (uint256 i = 0; i < p.lines.length; ++i) {
            owed += p.lines[i].due + p.lines[i].credit;
            if (p.marks[i] > p.revenue) fallen = true;
        }
        require(!fallen || p.k == handler.ODD(), "revenue fell below a mark");
        uint256 held = p.k == 0 ? address(p.split).balance : Token(p.token).balanceOf(address(p.split));
        require(fallen || held >= owed, "insolvent");
    }

    /// @notice Nobody ever receives more than it earned at the highest revenue there ever was, though revenue falls, is
    ///         claimed beyond, recovers and is distributed in whatever order: nothing is paid twice.
    function nothingIsPaidTwice(Position memory p) private view {
        if (p.k != handler.ODD()) return;
        for (uint256 n = 0; n < handler.SIMPLE_PAYEES(); ++n) {
            uint256 most = 0;
            for (uint256 s = 0; s < handler.SPLITS(); ++s) {
                Agreement memory a = handler.agreement(s);
                most += a.entitlement(_indexOf(a, handler.payees(n)), p.token, handler.highest(s));
            }
            require(handler.balance(p.k, handler.payees(n)) <= most, "somebody was paid twice");
        }
    }

    function _indexOf(Agreement memory a, address payee) private pure returns (uint256 i) {
        while (a.payees[i] != payee) ++i;
    }

    /// @notice What the books call paid is what the payees have.
    function paidIsWhatArrived(Position memory p) private view {
        if (p.k == handler.ODD() || handler.skimmed(p.k)) return;
        Position memory other;
        (, other.lines) = handler.splits(1 - p.s).statement(handler.terms(1 - p.s), p.token);
        for (uint256 n = 0; n < handler.SIMPLE_PAYEES(); ++n) {
            address payee = handler.payees(n);
            // A payee that redirects a credit was paid as well: it told where to.
            uint256 paid = _lineOf(p, payee).paid + _lineOf(other, payee).paid;
            uint256 elsewhere = handler.redirected(p.k, payee);
            require(handler.balance(p.k, payee) + elsewhere == paid, "paid against what arrived");
        }
    }

    function _lineOf(Position memory p, address payee) private pure returns (IRevenueSplitOffice.Line memory) {
        uint256 i = 0;
        while (p.lines[i].payee != payee) ++i;
        return p.lines[i];
    }

    /// @notice All money that ever came in is in the splits, with payees, or where a payee sent its own credit.
    function nobodyElseIsPaid(Position memory p) private view {
        uint256 k = p.k;
        if (k == handler.ODD()) return;
        uint256 sum = 0;
        for (uint256 n = 0; n < 10; ++n) {
            sum += handler.balance(k, handler.people(n));
        }
        require(sum == (k == 0 ? handler.coinSupply() : Token(handler.assets(k)).totalSupply()), "money has left");
    }

    // ------------------------------------------------------------------ what would happen if

    /// @notice Whatever was done so far, and whoever is hostile: a distribution now goes through, and everybody who can be
    ///         paid has been paid in full.
    function liveness(Position memory p) private {
        _kept(SplitHandler.Promise.Liveness);
        bool[] memory able = handler.settle(p.s, p.k);
        if (p.k == handler.ODD()) return;
        Position memory then = _position(p.s, p.k);
        for (uint256 i = 0; i < able.length; ++i) {
            require(!able[i] || then.lines[i].paid + p.lines[i].credit >= p.lines[i].entitlement, "somebody waits");
        }
    }

    /// @notice However money came in, and whoever was paid when: once all is calm and settled, every payee has its
    ///         entitlement at this revenue, and nothing but that.
    function pathsDoNotMatter(Position memory p) private {
        if (p.k == handler.ODD()) return;
        handler.calm();
        p = _position(p.s, p.k);
        handler.settle(p.s, p.k);
        for (uint256 i = 0; i < p.lines.length; ++i) {
            address payee = p.lines[i].payee;
            if (p.split.credit(payee, p.token) != 0) p.split.withdrawCredit(payee, p.token);
        }
        Position memory then = _position(p.s, p.k);
        require(then.revenue == p.revenue, "settling changed the revenue");
        for (uint256 i = 0; i < p.lines.length; ++i) {
            require(then.lines[i].paid == p.agreement.entitlement(i, p.token, p.revenue), "the path mattered");
        }
    }

    // ------------------------------------------------------------------ steps (judged in SplitHandler)

    /// @notice Revenue, entitlements, marks and what was paid never fall.
    function monotone() private view {
        _kept(SplitHandler.Promise.Monotone);
    }

    /// @notice A credit falls by what is withdrawn, and by nothing else.
    function creditsFallByWithdrawalOnly() private view {
        _kept(SplitHandler.Promise.CreditsFallByWithdrawalOnly);
    }

    /// @notice A payer's sale or batch is paid in once, and recorded only if it was.
    function idsAreUsedOnce() private view {
        _kept(SplitHandler.Promise.IdsOnceOnly);
    }

    /// @notice A claim pays what is due, once.
    function claimsNeverExceed() private view {
        _kept(SplitHandler.Promise.ClaimsNeverExceed);
    }

    /// @notice Whatever gas a caller sends, nobody is credited who could have been paid.
    function failuresAreNotForged() private view {
        _kept(SplitHandler.Promise.FailuresAreNotForged);
    }

    /// @notice Nothing but the terms in force, or a payee's own proof, moves money, and it moves to payees.
    function onlyTheTermsMoveMoney() private view {
        _kept(SplitHandler.Promise.OnlyTheTermsMoveMoney);
    }

    function _kept(SplitHandler.Promise what) private view {
        string memory how = handler.broken(what);
        require(bytes(how).length == 0, how);
    }
}

/// @title Payees pay back, destroy themselves, refuse, burn and bomb; the logs tell it all.
contract RevenueSplitInvariants is SplitPromises {
    function setUp() external {
        handler = new SplitHandler(false);
    }

    /// @notice The campaign does pay and withdraw by many at once.
    function test_theHandlerPaysMany() external {
        for (uint256 n = 0; n < 24; ++n) {
            (uint256 s, uint256 k) = (n % 2, n / 2 % 4);
            handler.turn(n % 4 == 0 ? 1 : 0, 0);
            handler.send(s, k, (n + 1) << 40 | 60);
            if (n % 4 == 0) handler.distribute(s, 0);
            handler.turn(0, 0);
            handler.claimMany(s, k, uint256(keccak256(abi.encode(n))));
            handler.withdrawMany(s, n % 3 == 0 ? k : 0);
        }
        this.afterInvariant();
        require(handler.paidOfMany() > 9 && handler.withdrawnOfMany() > 1, "nothing happens");
    }
}

/// @title Payees call splits while they are being paid.
contract ReentrancyInvariants is SplitPromises {
    function setUp() external {
        handler = new SplitHandler(true);
    }
}
