// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

interface ITokenHooks {
    function tokensReceived(address from, uint256 amount) external;
    function tokensToSend(address to, uint256 amount) external;
}

/// @title An ERC-20 with one quirk at a time. `victim` is whom it concerns: nobody (zero) means everybody.
contract Token {
    enum Quirk {
        None,
        NoReturn, // answers nothing, as the first big stablecoin does
        ReturnsFalse, // moves nothing and says so
        ReturnsTwo, // moves nothing and says 2
        ReturnsOneByte, // moves nothing and answers with a single byte, 01
        ReturnsHugeTrue, // moves, and answers with 100,000 bytes, the first word being `true`
        ReturnsHugeFalse, // moves nothing and answers with 100,000 zeros
        Blacklist, // reverts
        RevertsWithBomb, // reverts with 100,000 bytes
        BurnsGas,
        Picky, // reverts if given less than `number` gas, and gives the rest back
        Fee, // `number` in 10,000 of what is moved is burned, at the recipient's cost
        FeeOnTop, // the same, at the sender's cost
        Hooks, // tells those who asked for it before they pay and after they are paid, as ERC-777 does, and reverts if they do
        RevertsOnZero,
        RevertsOnLarge, // more than `number`
        Keeps, // moves nothing and says `true`
        BalanceLies, // says that everybody has `number`
        BalanceReverts,
        BalanceShort, // answers balanceOf with 31 bytes
        Inflates, // whenever it moves anything, takes `number` units away from `victim`
        ReturnsZeroByte // moves nothing and answers with a single byte, 00
    }

    uint8 public immutable decimals;
    Quirk public quirk;
    address public victim;
    uint256 public number;
    uint256 public totalSupply;
    /// @dev How often a transfer of nothing was asked for: it should never be.
    uint256 public zeroTransfers;
    mapping(address => uint256) public held;
    mapping(address => bool) public hooked;
    mapping(address => mapping(address => uint256)) public allowance;

    mapping(address => uint256) public nonces;

    event Transfer(address indexed from, address indexed to, uint256 amount);

    constructor(uint8 decimals_) {
        decimals = decimals_;
    }

    function behave(Quirk quirk_, address victim_, uint256 number_) external {
        (quirk, victim, number) = (quirk_, victim_, number_);
    }

    function hook(address who) external {
        hooked[who] = true;
    }

    function mint(address to, uint256 amount) external {
        unchecked {
            held[to] += amount;
            totalSupply += amount;
        }
    }

    /// @notice A rebase, a seizure, a windfall: what somebody has is what it is now said to be.
    function set(address who, uint256 amount) external {
        held[who] = amount;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    /// @dev ERC-2612.
    function permit(address owner, address spender, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        require(block.timestamp <= deadline, "late");
        bytes32 typeHash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 hash = keccak256(abi.encode(typeHash, owner, spender, amount, nonces[owner]++, deadline));
        address signer = ecrecover(keccak256(abi.encodePacked(hex"1901", DOMAIN_SEPARATOR(), hash)), v, r, s);
        require(signer == owner && signer != address(0), "signature");
        allowance[owner][spender] = amount;
    }

    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        bytes32 typeHash = keccak256("EIP712Domain(uint256 chainId,address verifyingContract)");
        return keccak256(abi.encode(typeHash, block.chainid, address(this)));
    }

    function balanceOf(address who) external view returns (uint256) {
        if (quirk == Quirk.BalanceReverts) revert("no balances today");
        if (quirk == Quirk.BalanceShort) {
            assembly {
                return(0, 31)
            }
        }
        return quirk == Quirk.BalanceLies ? number : held[who];
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        require(allowance[from][msg.sender] >= amount, "allowance");
        if (allowance[from][msg.sender] != type(uint256).max) allowance[from][msg.sender] -= amount;
        if (quirk == Quirk.Hooks && hooked[from]) ITokenHooks(from).tokensToSend(to, amount);
        return _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private returns (bool) {
        uint256 given = gasleft();
        if (amount == 0) ++zeroTransfers;
        Quirk q = victim == address(0) || victim == to || victim == from ? quirk : Quirk.None;
        if (q == Quirk.Inflates) held[victim] -= number;
        if (q == Quirk.ReturnsFalse) return false;
        if (q == Quirk.ReturnsTwo) _answer(2, 32);
        if (q == Quirk.ReturnsOneByte) _answer(1 << 248, 1);
        if (q == Quirk.ReturnsZeroByte) _answer(0, 1);
        if (q == Quirk.ReturnsHugeFalse) _answer(0, 100_000);
        if (q == Quirk.Keeps) return true;
        if (q == Quirk.Blacklist) revert("blacklisted");
        if (q == Quirk.RevertsWithBomb) {
            assembly {
                revert(0, 100000)
            }
        }
        if (q == Quirk.BurnsGas) {
            assembly {
                invalid()
            }
        }
        if (q == Quirk.Picky) require(given >= number, "too little gas");
        if (q == Quirk.RevertsOnZero) require(amount != 0, "zero");
        if (q == Quirk.RevertsOnLarge) require(amount <= number, "too large");
        uint256 fee = q == Quirk.Fee || q == Quirk.FeeOnTop ? amount * number / 10_000 : 0;
        held[from] -= q == Quirk.FeeOnTop ? amount + fee : amount;
        unchecked {
            held[to] += q == Quirk.Fee ? amount - fee : amount;
            totalSupply -= fee;
        }
        emit Transfer(from, to, amount);
        if (q == Quirk.Hooks && hooked[to]) ITokenHooks(to).tokensReceived(from, amount);
        if (q == Quirk.NoReturn) _answer(0, 0);
        if (q == Quirk.ReturnsHugeTrue) _answer(1, 100_000);
        return true;
    }

    function _answer(uint256 word, uint256 length) private pure {
        assembly {
            mstore(0, word)
            // What stands beyond the first word need not be zero.
            return(0, length)
        }
    }
}

/// @title An ERC-20 and nothing else, to measure gas with.
contract PlainToken {
    uint8 public constant decimals = 6;
    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 amount);

    constructor() {
        totalSupply = balanceOf[msg.sender] = 2 ** 200;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        uint256 allowed = allowance[from][msg.sender];
        if (allowed != type(uint256).max) allowance[from][msg.sender] = allowed - amount;
        return _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private returns (bool) {
        balanceOf[from] -= amount;
        unchecked {
            balanceOf[to] += amount;
        }
        emit Transfer(from, to, amount);
        return true;
    }
}

/// @title An ERC-20 as plain as can be, that answers `false` where it was told to freeze somebody.
contract FreezingToken {
    mapping(address => uint256) public balanceOf;
    mapping(address => bool) public frozen;

    event Transfer(address indexed from, address indexed to, uint256 amount);

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function freeze(address[] calldata whom) external {
        for (uint256 i = 0; i < whom.length; ++i) {
            frozen[whom[i]] = true;
        }
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        if (frozen[to]) return false;
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        emit Transfer(msg.sender, to, amount);
        return true;
    }
}
