// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPayoutBook, ISaleEscrow} from "../ITrust.sol";
import {FickleSplit} from "./FickleSplit.sol";
import {Payee} from "mocks/Payee.sol";
import {Shipped} from "../Shipped.sol";
import {Token} from "mocks/Token.sol";
import {vm} from "../Vm.sol";

/// @title Escrows and books: whatever gas a caller sends, nobody who could have been paid is counted as refusing.
/// @dev Who refuses at once what comes with too little gas gives the most back: with them a failure could be forged, if with
///      anybody. Each probe undoes itself, so that one run makes many.
contract TrustFuzz {
    ISaleEscrow private _escrow;
    IPayoutBook private _book;
    Token private _token;
    Payee private _payee;
    FickleSplit private _split;

    bytes32 private constant _ID = "a sale";
    address private constant _SELLER = address(0x5E11E2);
    uint256 private constant _AMOUNT = 1_000_000;
    uint256 private constant _PROBES = 4;

    error Probed(bool done, bool delivered);

    function setUp() external {
        _escrow = ISaleEscrow(Shipped.deploy("SaleEscrow"));
        _book = IPayoutBook(Shipped.deploy("PayoutBook", abi.encode(address(this), 0)));
        (_token, _payee, _split) = (new Token(6), new Payee(), new FickleSplit());
        vm.deal(address(_payee), _AMOUNT);
        vm.deal(address(_book), _AMOUNT);
        _token.mint(address(_payee), _AMOUNT);
        _token.mint(address(_book), _AMOUNT);
        vm.prank(address(_payee));
        _token.approve(address(_escrow), _AMOUNT);
    }

    // ------------------------------------------------------------------ the tests

    function testFuzz_aRefundIsNotForged(uint256 seed, bool coin) external {
        address asset = _openSale(coin);
        _makePicky(seed, coin);
        bytes memory call_ = abi.encodeCall(_escrow.refund, (address(_split), address(_payee), _ID));
        _probe(seed, coin ? 50_000 : 200_000, _SELLER, address(_escrow), call_, address(_payee), asset);
    }

    function testFuzz_aClaimOfManyIsNotForged(uint256 seed, bool coin) external {
        address asset = coin ? address(0) : address(_token);
        IPayoutBook.Claim[] memory claims = new IPayoutBook.Claim[](1);
        claims[0] = IPayoutBook.Claim(address(_payee), _AMOUNT, new bytes32[](0));
        bytes memory leaf = abi.encode(block.chainid, _book, asset, _payee, _AMOUNT);
        _book.publish(_AMOUNT, keccak256(bytes.concat(keccak256(leaf))), asset);
        _makePicky(seed, coin);
        bytes memory call_ = abi.encodeCall(_book.claimMany, (asset, claims));
        _probe(seed, coin ? 50_000 : 200_000, _SELLER, address(_book), call_, address(_payee), asset);
    }

    /// @notice A sale's money reaches a split that takes it, with the sale's id, or nothing has happened: for want of gas alone
    ///         nothing is owed. What is owed because the split refused arrives later, with all the gas there is.
    function testFuzz_aSaleIsNotLostForWantOfGas(uint256 seed, bool coin, bool refuses) external {
        address asset = _openSale(coin);
        // What `pay` is given goes through the escrow's call to itself, which keeps a 64th part of it, and an approval.
        uint256 least = 350_000 + seed % 80_000;
        _split.become(refuses ? FickleSplit.Way.Refuses : FickleSplit.Way.Takes, least);
        vm.prank(address(_payee));
        (bool done,) = address(_escrow).call{gas: 100_000 + (seed >> 128) % 1_200_000}(
            abi.encodeCall(_escrow.confirm, (address(_split), _ID))
        );
        ISaleEscrow.Sale memory sale = _escrow.sale(address(_split), address(_payee), _ID);
        uint256 reached = _held(address(_split), asset);
        if (!done) {
            require(sale.state == ISaleEscrow.State.Held && reached == 0, "refused, and yet something has changed");
            return;
        }
        bool owed = sale.state == ISaleEscrow.State.Owed;
        require(owed == refuses, "owed for want of gas, or taken by a split that refuses");
        require(owed ? sale.owed == _AMOUNT && reached == 0 : sale.owed == 0 && reached == _AMOUNT, "money was lost");
        // A split that wants more than it got at first is given all there is.
        _split.become(FickleSplit.Way.Takes, 3 * least);
        if (owed) _escrow.release(address(_split), address(_payee), _ID);
        require(_held(address(_split), asset) == _AMOUNT && _split.sales() == 1, "what was owed does not arrive");
        require(_held(address(_escrow), asset) == 0, "something is left");
    }

    // ------------------------------------------------------------------ within

    function _openSale(bool coin) private returns (address asset) {
        asset = coin ? address(0) : address(_token);
        vm.prank(address(_payee));
        _escrow.open{value: coin ? _AMOUNT : 0}(
            ISaleEscrow.Terms(
                address(_split), _ID, asset, _AMOUNT, _SELLER, address(0), uint64(block.timestamp + 1), 0, false
            )
        );
    }

    /// @dev As picky as may be, or nearly: what it wants is within its allowance.
    function _makePicky(uint256 seed, bool coin) private {
        if (coin) _payee.become(Payee.Mood.Picky, uint64(47_000 - seed % 1_000));
        else _token.behave(Token.Quirk.Picky, address(_payee), 198_000 - seed % 4_000);
    }

    function _probe(
        uint256 seed,
        uint256 allowance,
        address caller,
        address target,
        bytes memory call_,
        address to,
        address asset
    ) private {
        for (uint256 n = 0; n <= _PROBES; ++n) {
            // From too little to begin with to just enough; the last has plenty.
            uint256 more = n == _PROBES ? allowance : uint256(keccak256(abi.encode(seed, n))) % 80_000;
            try this.probe(caller, target, allowance + more, call_, to, asset) {}
            catch (bytes memory answer) {
                require(bytes4(answer) == Probed.selector, "the probe itself failed");
                (bool done, bool delivered) = abi.decode(_behindSelector(answer), (bool, bool));
                require(done == delivered, "done, though it could have been delivered and was not");
                require(n < _PROBES || done, "with plenty of gas it is done");
            }
        }
    }

    function _behindSelector(bytes memory answer) private pure returns (bytes memory rest) {
        rest = new bytes(answer.length - 4);
        for (uint256 i = 0; i < rest.length; ++i) {
            rest[i] = answer[i + 4];
        }
    }

    /// @notice Makes a call with so much gas, and undoes it.
    function probe(address caller, address target, uint256 gas_, bytes calldata call_, address to, address asset)
        external
    {
        uint256 before = _held(to, asset);
        vm.prank(caller);
        (bool done,) = target.call{gas: gas_}(call_);
        revert Probed(done, _held(to, asset) > before);
    }

    function _held(address who, address asset) private view returns (uint256) {
        return asset == address(0) ? who.balance : _token.held(who);
    }
}
