// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

interface IToken {
    function transfer(address to, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
    function balanceOf(address who) external view returns (uint256);
}

interface IPaid {
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
        Hungry, // takes, after `number` gas worth of work
        GivesBack // takes it all, and sends `number` units back: no allowance is left, but the balance is not as it should be
    }

    Way public way;
    uint256 public number;
    address public target;
    bytes public data;
    bytes4 public outcome = 0xffffffff;
    uint256 public paid;

    function become(Way way_, uint256 number_) external {
        (way, number) = (way_, number_);
    }

    function plan(Way way_, address target_, bytes calldata data_) external {
        (way, target, data) = (way_, target_, data_);
    }

    receive() external payable {}

    function pay(bytes32, address token, uint256 amount) external payable {
        Way w = way;
        if (w == Way.Refuses) revert("no, thank you");
        if (w == Way.TakesNothing) return;
        if (w == Way.TakesElsewhere) {
            _forget(token, msg.sender, amount);
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
        if (token != address(0)) IToken(token).transferFrom(msg.sender, address(this), amount);
        if (w == Way.GivesBack) IToken(token).transfer(msg.sender, number);
        paid += amount;
    }

    /// @notice Takes tokens by whatever allowance there is.
    function take(address token, address from, uint256 amount) external {
        IToken(token).transferFrom(from, address(this), amount);
    }

    /// @dev The token (Token.sol) is an accomplice: it forgets part of somebody's balance.
    function _forget(address token, address whose, uint256 amount) private {
        uint256 rest = IToken(token).balanceOf(whose) - amount;
        (bool done,) = token.call(abi.encodeWithSignature("set(address,uint256)", whose, rest));
        require(done);
    }
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
        if (to.code.length != 0) IPaid(to).tokensReceived(msg.sender, amount);
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        return true;
    }
}

/// @title A token whose `transfer` moves, charges, answers and tells what it has been told to; fair otherwise.
contract OddToken {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    mapping(address => bool) public hooked;
    /// @notice Whose payments are odd; zero: everybody's.
    address public victim;
    /// @notice Thousandths of the amount by which the sender's balance falls; if negative, by which it grows.
    int256 public moved = 1000;
    /// @notice Units that each transfer which moves anything costs the sender on top.
    uint256 public fee;
    /// @notice What it answers, and how many bytes of that.
    uint256 public word = 1;
    uint256 public length = 32;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function behave(address victim_, int256 moved_, uint256 word_, uint256 length_) external {
        (victim, moved, word, length) = (victim_, moved_, word_, length_);
    }

    function charge(uint256 fee_) external {
        fee = fee_;
    }

    function hook(address who) external {
        hooked[who] = true;
    }

    /// @notice Leaves nothing behind, if it was made in this transaction (EIP-6780).
    function vanish() external {
        selfdestruct(payable(msg.sender));
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        return true;
    }

    function transfer(address to, uint256 amount) external {
        bool odd = victim == address(0) || victim == to;
        int256 part = odd ? moved : int256(1000);
        if (part < 0) {
            balanceOf[msg.sender] += amount * uint256(-part) / 1000;
        } else if (part > 0) {
            uint256 units = amount * uint256(part) / 1000;
            balanceOf[msg.sender] -= units + fee;
            balanceOf[to] += units < amount ? units : amount;
        }
        if (hooked[to]) IPaid(to).tokensReceived(msg.sender, amount);
        (uint256 word_, uint256 length_) = odd ? (word, length) : (1, 32);
        assembly {
            mstore(0, word_)
            return(0, length_)
        }
    }
}

/// @title A token whose balances are shares of a pool, rounded down; what is moved is rounded to whole shares.
contract ShareToken {
    mapping(address => uint256) public sharesOf;
    mapping(address => mapping(address => uint256)) public allowance;
    uint256 public shares;
    uint256 public pool;
    /// @notice Whether a transfer rounds the shares up (else down).
    bool public up;

    function round(bool up_) external {
        up = up_;
    }

    /// @notice Units are shares until the pool grows.
    function mint(address to, uint256 amount) external {
        uint256 more = shares == 0 ? amount : amount * shares / pool;
        (sharesOf[to], shares, pool) = (sharesOf[to] + more, shares + more, pool + amount);
    }

    function grow(uint256 amount) external {
        pool += amount;
    }

    function balanceOf(address who) public view returns (uint256) {
        return shares == 0 ? 0 : sharesOf[who] * pool / shares;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        return _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private returns (bool) {
        uint256 part = amount * shares / pool;
        if (up && part * pool / shares < amount) ++part;
        sharesOf[from] -= part;
        sharesOf[to] += part;
        return true;
    }
}

/// @title Makes several calls in one transaction, each of which must succeed.
contract Batch {
    receive() external payable {}

    function run(address target, bytes[] calldata calls) external {
        for (uint256 i = 0; i < calls.length; ++i) {
            _call(target, calls[i]);
        }
    }

    /// @notice The same, with a token (OddToken) that exists during this transaction only. It is this contract's next child.
    function conjure(address[] calldata targets, bytes[] calldata calls) external {
        OddToken token = new OddToken();
        for (uint256 i = 0; i < calls.length; ++i) {
            _call(targets[i], calls[i]);
        }
        token.vanish();
    }

    function _call(address target, bytes calldata data) private {
        (bool done, bytes memory answer) = target.call(data);
        if (!done) {
            assembly {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }
}

/// @title Says what time it is.
contract Clock {
    function time() external view returns (uint256) {
        return block.timestamp;
    }
}
