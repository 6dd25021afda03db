// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Anything} from "./Anything.sol";
import {IAmendableSplit} from "revshare/amendable/IAmendableSplit.sol";
import {Shipped} from "./Shipped.sol";
import {anyOf, svm, vm} from "./Cheats.sol";

interface IFactory {
    function createAmendable(bytes calldata terms, bytes32 governance, uint64 salt) external returns (address);
    function create(bytes calldata terms, uint64 salt) external returns (address);
}

/// @title What the proofs about splits share: the shipped factory, a split for two payees and one of each governance.
/// @dev The split for a quorum and the one for a controller are made from the same terms. All proofs start in any state:
///      they make the split's storage unknown. What they fix is the terms' shape, for loops to be finite.
abstract contract SplitProof {
    uint32 internal constant NOTICE = 7 days;
    address internal constant FIRST_CONTROLLER = address(0xC0FFEE);

    /// @dev `_settlementToken` of SplitState.
    bytes32 private constant _SETTLEMENT = bytes32(uint256(4));

    Anything internal token = new Anything();
    Anything internal other = new Anything();
    address internal alice = address(new Anything());
    address internal bob = address(new Anything());
    IFactory internal factory = IFactory(Shipped.deploy("RevenueSplitFactory", ""));
    bytes internal terms = termsOf(3, 1);
    IAmendableSplit internal split = IAmendableSplit(factory.create(terms, 0));
    IAmendableSplit internal controlled = IAmendableSplit(factory.createAmendable(terms, _ofController(), 0));
    IAmendableSplit internal quorate = IAmendableSplit(factory.createAmendable(terms, bytes32(hex"011a0b"), 0));

    /// @dev lib/Governance.sol
    function _ofController() internal pure returns (bytes32) {
        return bytes32(bytes.concat(hex"020000", bytes4(NOTICE), hex"0000000000", bytes20(FIRST_CONTROLLER)));
    }

    function _oneToken() internal view returns (address[] memory tokens) {
        tokens = new address[](1);
        tokens[0] = address(token);
    }

    /// @dev Terms of one tier, settled in coin, in which alice and bob have these weights.
    function termsOf(uint32 first, uint32 second) internal view returns (bytes memory) {
        (address low, address high) = alice < bob ? (alice, bob) : (bob, alice);
        return bytes.concat(
            bytes22(uint176(1)),
            bytes16(0),
            bytes6(uint48(first) + uint48(second)),
            bytes20(low),
            bytes4(first),
            bytes20(high),
            bytes4(second)
        );
    }

    /// @dev Any state, in which the settlement token that was noted is one of these: what is asked stands at a known address.
    function _anyState(address what) internal {
        svm.enableSymbolicStorage(what);
        uint256 which = anyOf(3);
        address settlement = which == 0 ? address(0) : (which == 1 ? address(token) : address(other));
        vm.store(what, _SETTLEMENT, bytes32(uint256(uint160(settlement))));
        vm.deal(what, svm.createUint256("balance"));
    }

    /// @dev Terms of one payee.
    function _short() internal view returns (bytes memory) {
        return bytes.concat(bytes22(uint176(1)), bytes16(0), bytes6(uint48(3)), bytes20(alice), bytes4(uint32(3)));
    }

    /// @dev A call with coin, by anybody.
    function _call(address who, address what, uint256 value, bytes memory data) internal returns (bool done) {
        vm.deal(who, value);
        vm.prank(who);
        (done,) = what.call{value: value}(data);
    }

    /// @dev Coin, or a token that may do anything.
    function _anyAsset() internal returns (address) {
        return svm.createBool("coin") ? address(0) : address(token);
    }
}
