// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Token} from "mocks/Token.sol";

/// @title What an escrow may find where it expects a split.
contract FickleSplit {
    enum Way {
        Takes,
        Refuses,
        TakesNothing, // and says that all is well
        TakesPart, // all but one unit
        BurnsGas,
        BombOnRevert,
        Acts // calls somebody first, whatever comes of it
    }

    Way public way;
    /// @notice Refuses at once what comes with less gas, and gives the rest back.
    uint256 public least;
    uint256 public sales;
    address private _target;
    bytes private _data;

    function become(Way way_, uint256 least_) external {
        (way, least) = (way_, least_);
    }

    function plan(address target, bytes calldata data) external {
        (way, _target, _data) = (Way.Acts, target, data);
    }

    receive() external payable {}

    function pay(bytes32, address token, uint256 amount) external payable {
        require(gasleft() >= least, "too little gas");
        Way way_ = way;
        if (way_ == Way.Refuses) revert("no, thank you");
        if (way_ == Way.TakesNothing) return;
        if (way_ == Way.BurnsGas) {
            assembly {
                invalid()
            }
        }
        if (way_ == Way.BombOnRevert) {
            assembly {
                revert(0, 110000)
            }
        }
        if (way_ == Way.Acts) {
            (bool done,) = _target.call(_data);
            done;
        }
        if (way_ == Way.TakesPart) --amount;
        if (token != address(0)) Token(token).transferFrom(msg.sender, address(this), amount);
        ++sales;
    }
}
