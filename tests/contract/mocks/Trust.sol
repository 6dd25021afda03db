// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

interface ITaker {
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
}

interface IPaidFirst {
    function tokensReceived(address from, uint256 amount) external;
}

/// @title What an escrow may find where it expects a split.
contract OddSplit {
    enum Way {
        Takes,
        Refuses, // reverts in `pay`
        TakesNothing, // and says that all is well
        TakesPart, // all but one unit
        TakesElsewhere, // takes nothing, but pays itself the amount from its own pocket: the balance looks right
        BurnsGas,
        BombOnRevert,
        Acts, // calls somebody first, whatever comes of it
        Hungry // takes, after `number` gas worth of work
    }

    Way public way;
    bool public refusesCoin;
    uint256 public number;
    address public target;
    bytes public data;
    bytes4 public outcome = 0xffffffff;
    uint256 public paid;

    function become(Way way_, bool refusesCoin_, uint256 number_) external {
        (way, refusesCoin, number) = (way_, refusesCoin_, number_);
    }

    function plan(address target_, bytes calldata data_) external {
        (way, target, data) = (Way.Acts, target_, data_);
    }

    receive() external payable {
        require(!refusesCoin, "no coin, thank you");
    }

    function pay(bytes32, address token, uint256 amount) external payable {
        Way w = way;
        if (w == Way.Refuses) revert("no, thank you");
        if (w == Way.TakesNothing) return;
        if (w == Way.TakesElsewhere) {
            OddSplit(payable(target)).burn(token, msg.sender, amount);
            return;
        }
        if (w == Way.BurnsGas) {
            assembly {
                invalid()
            }
        }
        if (w == Way.BombOnRevert) {
            assembly {
                revert(0, 110000)
            }
        }
        if (w == Way.Acts) {
            (bool done, bytes memory answer) = target.call(data);
            outcome = done ? bytes4(0) : bytes4(answer);
        }
        if (w == Way.Hungry) {
            uint256 until = gasleft() - number;
            while (gasleft() > until) {}
        }
        if (w == Way.TakesPart) amount -= 1;
        if (token != address(0)) ITaker(token).transferFrom(msg.sender, address(this), amount);
        paid += amount;
    }

    /// @notice Takes tokens by whatever allowance there is.
    function take(address token, address from, uint256 amount) external {
        ITaker(token).transferFrom(from, address(this), amount);
    }

    /// @notice As an accomplice: makes a token (Token.sol) forget the balance of somebody.
    function burn(address token, address whose, uint256 amount) external {
        (bool done,) = token.call(
            abi.encodeWithSignature("set(address,uint256)", whose, Reading(token).balanceOf(whose) - amount)
        );
        require(done);
    }
}

interface Reading {
    function balanceOf(address) external view returns (uint256);
}

/// @title A token that tells the recipient before it moves anything: balances look too high meanwhile.
contract EarlyToken {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        if (to.code.length != 0) IPaidFirst(to).tokensReceived(msg.sender, amount);
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        return true;
    }
}

/// @title Makes several calls in one transaction, each of which must succeed.
contract Batch {
    function run(address target, bytes[] calldata calls) external {
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool done, bytes memory answer) = target.call(calls[i]);
            if (!done) {
                assembly {
                    revert(add(answer, 0x20), mload(answer))
                }
            }
        }
    }
}
