// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A payee of any temper, for coin and for tokens that call their recipients.
/// @dev Everything it remembers of a payment goes into one slot that is never zero, so that it fits its allowance of gas.
contract Payee {
    enum Mood {
        Honest,
        Reverts,
        BurnsGas,
        BombOnRevert, // reverts with as much data as its gas pays for
        BombOnSuccess, // the same, accepting the payment
        Acts, // calls somebody, and accepts whatever comes of it
        ActsOrReverts, // calls somebody, and refuses the payment if the call fails
        SelfDestructs, // to its target
        Hungry, // does `number` gas worth of work
        Picky // refuses if it is given less than `number` gas, and gives the rest back
    }

    uint256 private constant _BOMB = 110_000;

    Mood public mood;
    bool public forwards;
    uint64 public number;
    address public target;
    /// @notice 1: never acted. Else 2 (its call failed) or 3 (it succeeded), and the selector of what came back << 16.
    uint256 public outcome = 1;
    bytes public data;

    receive() external payable {
        _react();
    }

    function tokensReceived(address, uint256) external {
        _react();
    }

    function tokensToSend(address, uint256) external {
        _react();
    }

    function become(Mood mood_, uint64 number_) external {
        (mood, number) = (mood_, number_);
    }

    /// @notice Plans the call that Acts, ActsOrReverts make. `forwards_`: with all the coin it has.
    function plan(Mood mood_, address target_, bool forwards_, bytes calldata data_) external {
        (mood, target, forwards, data, outcome) = (mood_, target_, forwards_, data_, 1);
    }

    /// @notice Does something by itself, as an owner would have it do.
    function run(address to, uint256 value, bytes calldata data_) external payable returns (bytes memory answer) {
        bool done;
        (done, answer) = to.call{value: value}(data_);
        if (!done) {
            assembly {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }

    function _react() private {
        Mood mood_ = mood;
        if (mood_ == Mood.Honest) return;
        if (mood_ == Mood.Reverts) revert("no, thank you");
        if (mood_ == Mood.BurnsGas) {
            assembly {
                invalid()
            }
        }
        if (mood_ == Mood.BombOnRevert) {
            assembly {
                revert(0, _BOMB)
            }
        }
        if (mood_ == Mood.BombOnSuccess) {
            assembly {
                return(0, _BOMB)
            }
        }
        if (mood_ == Mood.SelfDestructs) selfdestruct(payable(target));
        if (mood_ == Mood.Hungry) {
            uint256 until = gasleft() - number;
            while (gasleft() > until) {}
        }
        if (mood_ == Mood.Picky) require(gasleft() >= number, "too little gas");
        if (mood_ == Mood.Acts || mood_ == Mood.ActsOrReverts) _act(mood_);
    }

    function _act(Mood mood_) private {
        bytes memory data_ = data;
        uint256 value = forwards ? address(this).balance : 0;
        address to = target;
        bool done;
        uint256 selector;
        assembly {
            mstore(0, 0)
            done := call(gas(), to, value, add(data_, 0x20), mload(data_), 0, 4)
            selector := shr(224, mload(0))
        }
        if (!done && mood_ == Mood.ActsOrReverts) revert("so be it");
        outcome = selector << 16 | (done ? 3 : 2);
    }
}

/// @title The code that an account delegates to (EIP-7702) and that refuses everything.
contract RefusingCode {
    receive() external payable {
        revert("not to this account");
    }
}

/// @title A payee that sends so much coin somewhere whenever it is paid.
contract Boomerang {
    address public target;
    uint256 public amount;

    function aim(address target_, uint256 amount_) external payable {
        (target, amount) = (target_, amount_);
    }

    receive() external payable {
        if (amount == 0) return;
        (bool done,) = target.call{value: amount}("");
        done;
    }
}
