// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Agreement, Agreements} from "../Agreement.sol";
import {Chance} from "../Chance.sol";
import {IFactory} from "../IFactory.sol";
import {IRevenueSplit} from "revshare/split/IRevenueSplit.sol";
import {Lock} from "revshare/lib/Lock.sol";
import {Payee} from "mocks/Payee.sol";
import {Shipped} from "../Shipped.sol";
import {Token} from "mocks/Token.sol";
import {vm} from "../Vm.sol";

/// @title Which assets are locked while one is moved: those, and no others. Nobody's token holds up anybody else's.
/// @notice While an asset is moved, somebody who is called meanwhile asks or does anything in an asset. It is refused as
///         reentered exactly if that asset is locked, or if what it does needs one that is.
contract LocksFuzz {
    using Agreements for Agreement;

    IFactory private _factory;
    address[4] private _assets;
    Payee private _caller;

    function setUp() external {
        _factory = IFactory(Shipped.deploy("RevenueSplitFactory"));
        _caller = new Payee();
        for (uint256 k = 1; k < 4; ++k) {
            Token token = new Token(6);
            _assets[k] = address(token);
            token.behave(Token.Quirk.Hooks, address(0), 0);
            token.hook(address(_caller));
        }
        vm.deal(address(_caller), 10 ** 9);
    }

    /// @dev What happens: `how` in the asset `moved`; what is called meanwhile: `what` in the asset `asked`.
    struct Case {
        uint256 settlement;
        uint256 moved;
        uint256 asked;
        uint256 how;
        uint256 what;
    }

    /// @notice Every case there is, by the seed.
    function testFuzz_locksArePerAsset(uint256 seed) external {
        Case memory c = Case(seed % 2, (seed >> 8) % 4, (seed >> 16) % 4, (seed >> 24) % 3, (seed >> 32) % 10);
        // Coin that comes in calls nobody, and in a distribution its recipient has too little gas for most things.
        if (c.moved == 0 && c.how != 1) return;
        // Nobody is asked to pay in the coin from within: it always works, and is tried apart below.
        (IRevenueSplit split, Agreement memory a, uint256 i) = _make(c.settlement);
        bool refused = _mustBeRefused(c);
        _caller.plan(Payee.Mood.Acts, address(split), c.asked == 0 && c.what < 2, _asks(split, a, i, c));
        bytes memory data;
        if (c.how == 0) data = abi.encodeCall(split.distribute, (a.pack(), _assets[c.moved]));
        if (c.how == 1) data = abi.encodeCall(split.claim, (address(_caller), a.proof(i), _assets[c.moved]));
        if (c.how == 2) data = abi.encodeCall(split.pay, ("outer", _assets[c.moved], 10));
        if (c.how == 2) vm.prank(address(_caller));
        (bool done,) = address(split).call(data);
        require(done, "what happens does not depend on who asks");
        uint256 outcome = _caller.outcome();
        require(outcome > 1, "nobody was called");
        bool reentered = bytes4(uint32(outcome >> 16)) == Lock.Reentered.selector && outcome & 3 == 2;
        require(reentered == refused, refused ? "not refused" : "refused, though nothing of it is being moved");
        // Payments into a split, and questions, then go through.
        if (!refused && (c.what < 2 || c.what > 5)) require(outcome & 3 == 3, "failed for another reason");
    }

    /// @dev While it is paid in, an asset alone is locked. While the settlement token is paid out, it alone; coin in claims not
    ///      even that. While anything else is paid out: that, the coin and the settlement token.
    function _mustBeRefused(Case memory c) private pure returns (bool) {
        bool[4] memory locked;
        locked[c.moved] = true;
        if (c.how != 2 && c.moved != c.settlement) (locked[0], locked[c.settlement]) = (true, true);
        if (c.how == 1 && c.moved == 0 && c.settlement == 0) locked[0] = false;
        if (c.what < 2) return c.asked != 0 && locked[c.asked]; // coin can always be paid in
        if (locked[c.asked]) return true;
        // What is paid out needs the coin and the settlement token to be free, unless it is that itself.
        return c.what < 4 && c.asked != c.settlement && (locked[0] && c.asked != 0 || locked[c.settlement]);
    }

    /// @dev 0 pay, 1 remit, 2 distribute, 3 claim, 4 withdrawCredit, 5 redirectCredit, else views
    function _asks(IRevenueSplit split, Agreement memory a, uint256 i, Case memory c) private view returns (bytes memory) {
        address asset = _assets[c.asked];
        uint256 amount = c.asked == 0 ? address(_caller).balance : 7;
        if (c.asked == 0 && c.moved == 0) amount += split.due(address(_caller), a.pack(), address(0));
        if (c.what == 0) return abi.encodeCall(split.pay, ("inner", asset, amount));
        if (c.what == 1) return abi.encodeCall(split.remit, ("inner", asset, amount, bytes32(0), 1));
        if (c.what == 2) return abi.encodeCall(split.distribute, (a.pack(), asset));
        if (c.what == 3) {
            // The claim of somebody else: what is due to the caller may be on its way.
            return abi.encodeCall(split.claim, (a.payees[1 - i], a.proof(1 - i), asset));
        }
        if (c.what == 4) return abi.encodeCall(split.withdrawCredit, (address(_caller), asset));
        if (c.what == 5) return abi.encodeCall(split.redirectCredit, (address(0x9A1), asset, 1));
        if (c.what == 6) return abi.encodeCall(split.received, (asset));
        if (c.what == 7) return abi.encodeCall(split.statement, (a.pack(), asset));
        if (c.what == 8) return abi.encodeCall(split.markOf, (address(_caller), asset));
        return abi.encodeCall(split.credit, (address(_caller), asset));
    }

    /// @dev Two payees, one of them the caller; something is due in every asset.
    function _make(uint256 settlement) private returns (IRevenueSplit split, Agreement memory a, uint256 i) {
        address[] memory who = new address[](2);
        (who[0], who[1]) = (address(_caller), address(0x9A1));
        a = Agreements.blank(_assets[settlement], who, 1);
        (a.weights[0][0], a.weights[0][1]) = (1, 1);
        i = a.payees[0] == address(_caller) ? 0 : 1;
        split = IRevenueSplit(_factory.create(a.pack(), 0));
        vm.deal(address(split), 1_000);
        for (uint256 k = 1; k < 4; ++k) {
            Token(_assets[k]).mint(address(split), 1_000);
            Token(_assets[k]).mint(address(_caller), 1_000);
            vm.prank(address(_caller));
            Token(_assets[k]).approve(address(split), 1_000);
        }
    }
}
