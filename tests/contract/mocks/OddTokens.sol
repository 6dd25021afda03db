// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

interface IHeldTo {
    function tokensReceived(address from, uint256 amount) external;
    function tokensToSend(address to, uint256 amount) external;
}

// What a token does is put together from what it answers, what it moves, when it is odd at all, and what it tells of
// balances; so that every real token's ways, and every mixture of them, are one `Manner`, which can be changed at any time.

/// @dev What `transfer` and `transferFrom` come back with.
enum Answer {
    Yes,
    Nothing,
    No,
    Two,
    TheAmount,
    OneByte,
    HugeYes, // 100,000 bytes, the first word being `true`
    HugeNo, // 100,000 zeros
    Reverts, // as one that is paused
    RevertsHuge, // with 100,000 bytes
    BurnsGas
}

/// @dev What moves, where it does not revert.
enum Moves {
    All,
    None,
    Half,
    More, // `number` units more than asked
    Fee, // `number` in 10,000 stay with the token
    OnTop, // the same, at the sender's cost
    Reflects, // as Fee, but half of that goes to the sender, who is a holder like others
    LessByOne, // shares rounded down: a unit less leaves and arrives
    MoreByOne, // shares rounded up: a unit more leaves than arrives
    Doubles // a transfer to oneself adds and does not take
}

/// @dev When it is odd; else it is as tokens are.
enum When {
    Always,
    Listed, // sender or recipient is on its list
    Large, // more than `number`
    Nothing, // a transfer of nothing
    TwiceABlock, // the sender has moved some in this block already
    ToItself, // from somebody to itself
    Poor // the sender has less than that
}

/// @dev What `balanceOf` says.
enum Tells {
    Truth,
    Reverts,
    Short, // 31 bytes
    BurnsGas,
    More, // `number` more than there is, of contracts
    Zero,
    Coin // what there is of the coin
}

enum Approves {
    Yes,
    FromZero, // reverts where something is allowed already
    NotAtAll, // allows nothing, and says `false`
    ForEver // and a transfer lowers no allowance
}

enum Permits {
    Yes, // to keep mocks short, whatever the signature
    DoesNothing, // and comes back, as tokens with a fallback that takes anything
    Unknown // reverts, as tokens whose permit is another function
}

struct Manner {
    Answer answer;
    Moves moves;
    When when;
    Tells tells;
    Approves approves;
    Permits permits;
    bool calls; // its recipients and senders, if they asked for it
    bool blocks; // everything from and to those on its list, besides what else it does
    uint64 words; // of memory that a transfer needs, and their gas
    uint128 number;
}

/// @title An ERC-20 of any manner, which keeps count of what it takes and gives by itself.
contract MannerToken {
    Manner public manner;
    mapping(address who => uint256) internal _units;
    mapping(address owner => mapping(address spender => uint256)) public allowance;
    mapping(address who => bool) public listed;
    mapping(address who => bool) public hooked;
    mapping(address who => uint256) private _movedIn;

    /// @notice Units that left a sender and reached nobody.
    uint256 public destroyed;
    /// @notice Units it said it had moved, and left where they were.
    uint256 public kept;
    /// @notice Units it moved that nobody asked it to move.
    uint256 public extra;
    /// @notice Units it has given or taken by itself.
    uint256 public grown;
    uint256 public shrunk;
    /// @notice How often a transfer of nothing was asked for.
    uint256 public zeroTransfers;

    event Transfer(address indexed from, address indexed to, uint256 amount);

    // ------------------------------------------------------------------ what tests do with it

    function behave(Manner calldata manner_) external {
        manner = manner_;
    }

    function list(address[] calldata whom) external {
        for (uint256 i = 0; i < whom.length; ++i) {
            listed[whom[i]] = true;
        }
    }

    function hook(address[] calldata whom) external {
        for (uint256 i = 0; i < whom.length; ++i) {
            hooked[whom[i]] = true;
        }
    }

    function mint(address to, uint256 amount) external virtual {
        _units[to] += amount;
    }

    /// @notice What these have is now `numerator` parts of `denominator`.
    function rebase(address[] calldata whom, uint256 numerator, uint256 denominator) external {
        for (uint256 i = 0; i < whom.length; ++i) {
            uint256 had = _units[whom[i]];
            uint256 has = had * numerator / denominator;
            _units[whom[i]] = has;
            if (has > had) grown += has - had;
            else shrunk += had - has;
        }
    }

    /// @notice What they truly have.
    function unitsOf(address[] calldata whom) external view returns (uint256[] memory units) {
        units = new uint256[](whom.length);
        for (uint256 i = 0; i < whom.length; ++i) {
            units[i] = _held(whom[i]);
        }
    }

    function account() external view returns (uint256, uint256, uint256, uint256, uint256, uint256) {
        return (destroyed, kept, extra, grown, shrunk, zeroTransfers);
    }

    // ------------------------------------------------------------------ the token

    function balanceOf(address who) external view returns (uint256) {
        Tells tells = manner.tells;
        if (tells == Tells.Reverts) revert("no balances today");
        if (tells == Tells.Zero) return 0;
        if (tells == Tells.Coin) return who.balance;
        if (tells == Tells.Short || tells == Tells.BurnsGas) {
            assembly {
                if eq(tells, 2) { return(0, 31) }
                invalid()
            }
        }
        return _held(who) + (tells == Tells.More && who.code.length != 0 ? manner.number : 0);
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        return _approve(msg.sender, spender, amount);
    }

    /// @dev ERC-2612, in form.
    function permit(address owner, address spender, uint256 amount, uint256, uint8, bytes32, bytes32) external {
        Permits permits = manner.permits;
        if (permits == Permits.Unknown) revert();
        if (permits == Permits.Yes) allowance[owner][spender] = amount;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        return _moveFor(msg.sender, from, to, amount);
    }

    // ------------------------------------------------------------------ through a second address (SideDoor)

    function approveAt(address owner, address spender, uint256 amount) external returns (bool) {
        return _approve(owner, spender, amount);
    }

    function moveAt(address from, address to, uint256 amount) external returns (bool) {
        return _move(from, to, amount);
    }

    function moveForAt(address spender, address from, address to, uint256 amount) external returns (bool) {
        return _moveFor(spender, from, to, amount);
    }

    // ------------------------------------------------------------------ within

    function _approve(address owner, address spender, uint256 amount) private returns (bool) {
        Approves approves = manner.approves;
        if (approves == Approves.NotAtAll) return false;
        if (approves == Approves.FromZero) require(amount == 0 || allowance[owner][spender] == 0, "zero first");
        allowance[owner][spender] = amount;
        return true;
    }

    function _moveFor(address spender, address from, address to, uint256 amount) private returns (bool) {
        uint256 allowed = allowance[from][spender];
        require(allowed >= amount, "allowance");
        if (manner.approves != Approves.ForEver) allowance[from][spender] = allowed - amount;
        if (manner.calls && hooked[from]) IHeldTo(from).tokensToSend(to, amount);
        return _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) internal returns (bool) {
        Manner memory m = manner;
        if (m.words != 0) _work(m.words);
        if (amount == 0) ++zeroTransfers;
        if (m.blocks && (listed[from] || listed[to])) revert("blocked");
        bool odd = _isOdd(m, from, to, amount);
        _movedIn[from] = block.number;
        Answer answer = odd ? m.answer : Answer.Yes;
        if (answer == Answer.Reverts) revert("not now");
        if (answer == Answer.RevertsHuge || answer == Answer.BurnsGas) {
            assembly {
                if eq(answer, 9) { revert(0, 100000) }
                invalid()
            }
        }
        _shift(odd ? m.moves : Moves.All, m.number, from, to, amount, answer);
        emit Transfer(from, to, amount);
        if (m.calls && hooked[to]) IHeldTo(to).tokensReceived(from, amount);
        return _say(answer, amount);
    }

    function _isOdd(Manner memory m, address from, address to, uint256 amount) private view returns (bool) {
        if (m.when == When.Listed) return listed[from] || listed[to];
        if (m.when == When.Large) return amount > m.number;
        if (m.when == When.Nothing) return amount == 0;
        if (m.when == When.TwiceABlock) return _movedIn[from] == block.number;
        if (m.when == When.ToItself) return from == to;
        if (m.when == When.Poor) return _held(from) < amount;
        return true;
    }

    function _shift(Moves moves, uint256 number, address from, address to, uint256 amount, Answer answer) private {
        (uint256 leaves, uint256 arrives) = (amount, amount);
        uint256 fee = amount * number / 10_000;
        if (moves == Moves.None) (leaves, arrives) = (0, 0);
        if (moves == Moves.Half) (leaves, arrives) = (amount / 2, amount / 2);
        if (moves == Moves.More) (leaves, arrives) = (amount + number, amount + number);
        if (moves == Moves.Fee) arrives = amount - fee;
        if (moves == Moves.OnTop) leaves = amount + fee;
        if (moves == Moves.Reflects) (leaves, arrives) = (amount - fee / 2, amount - fee);
        if (moves == Moves.LessByOne) (leaves, arrives) = (amount - 1, amount - 1);
        if (moves == Moves.MoreByOne) leaves = amount + 1;
        if (moves == Moves.Doubles) leaves = 0;
        _carry(from, to, leaves, arrives);
        if (leaves > arrives) destroyed += leaves - arrives;
        if (arrives > leaves) grown += arrives - leaves;
        if (leaves > amount && arrives > amount) extra += arrives - amount;
        bool believed = answer == Answer.Yes || answer == Answer.Nothing || answer == Answer.HugeYes;
        if (believed && leaves < amount) kept += amount - leaves;
    }

    function _held(address who) internal view virtual returns (uint256) {
        return _units[who];
    }

    function _carry(address from, address to, uint256 leaves, uint256 arrives) internal virtual {
        _units[from] -= leaves;
        _units[to] += arrives;
    }

    /// @dev Memory costs gas by the square, and tests no time.
    function _work(uint256 words) private pure {
        assembly {
            if iszero(keccak256(shl(5, words), 1)) { invalid() }
        }
    }

    function _say(Answer answer, uint256 amount) private pure returns (bool) {
        uint256 word = 1;
        uint256 length = 32;
        if (answer == Answer.Nothing) length = 0;
        if (answer == Answer.No || answer == Answer.HugeNo) word = 0;
        if (answer == Answer.Two) word = 2;
        if (answer == Answer.TheAmount) word = amount;
        if (answer == Answer.OneByte) (word, length) = (1 << 248, 1);
        if (answer == Answer.HugeYes || answer == Answer.HugeNo) length = 100_000;
        assembly {
            mstore(0, word)
            if gt(length, 32) { mstore(0x20, 0) }
            return(0, length)
        }
    }
}

/// @title A second address for the balances of an MannerToken.
contract SideDoor {
    MannerToken public immutable ledger;

    constructor(MannerToken ledger_) {
        ledger = ledger_;
    }

    function balanceOf(address who) external view returns (uint256) {
        return ledger.balanceOf(who);
    }

    function allowance(address owner, address spender) external view returns (uint256) {
        return ledger.allowance(owner, spender);
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        return ledger.approveAt(msg.sender, spender, amount);
    }

    function permit(address owner, address spender, uint256 amount, uint256, uint8, bytes32, bytes32) external {
        ledger.approveAt(owner, spender, amount);
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return ledger.moveAt(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        return ledger.moveForAt(msg.sender, from, to, amount);
    }
}

/// @title The coin as a token, on a chain that has a precompile to move it: as on Celo, whose precompile this is.
contract CoinAsToken is MannerToken {
    address private constant _MOVER = address(0xfd);

    function _held(address who) internal view override returns (uint256) {
        return who.balance;
    }

    function _carry(address from, address to, uint256 leaves, uint256 arrives) internal override {
        require(leaves == arrives && from.balance >= leaves, "coin");
        (bool done,) = _MOVER.call(abi.encode(from, to, leaves));
        require(done, "mover");
    }
}

/// @title Shares of a pool, as those of staked coin are: balances are shares times a rate, rounded down; a transfer of units
///        moves the shares they are worth, rounded as `up` says.
contract PoolToken {
    uint256 public pool;
    uint256 public shares;
    bool public up;
    mapping(address who => uint256) public sharesOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    constructor(uint256 pool_, uint256 shares_, bool up_) {
        (pool, shares, up) = (pool_, shares_, up_);
    }

    /// @notice A rebase.
    function setPool(uint256 pool_) external {
        pool = pool_;
    }

    function mint(address to, uint256 amount) external {
        sharesOf[to] += amount * shares / pool;
    }

    function balanceOf(address who) external view returns (uint256) {
        return sharesOf[who] * pool / shares;
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
        uint256 moved = (amount * shares + (up ? pool - 1 : 0)) / pool;
        sharesOf[from] -= moved;
        sharesOf[to] += moved;
        return true;
    }
}

/// @title Things that cannot be told apart but are one of a kind: as ERC-721 has it, which has a `balanceOf` too.
contract OneOfAKind {
    mapping(uint256 id => address) public ownerOf;
    mapping(address who => uint256) public balanceOf;
    mapping(uint256 id => address) public approved;

    function mint(address to, uint256 id) external {
        ownerOf[id] = to;
        ++balanceOf[to];
    }

    function approve(address spender, uint256 id) external {
        approved[id] = spender;
    }

    function transferFrom(address from, address to, uint256 id) external {
        require(ownerOf[id] == from && approved[id] == msg.sender, "not yours");
        delete approved[id];
        ownerOf[id] = to;
        --balanceOf[from];
        ++balanceOf[to];
    }
}

/// @title Makes a token, does things with it, and has it gone when the transaction is over (EIP-6780).
contract Phoenix {
    struct Step {
        address to;
        bytes data;
    }

    /// @notice Where the token will be, again and again.
    function token() public view returns (address) {
        bytes32 code = keccak256(type(Mortal).creationCode);
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", address(this), bytes32(0), code)))));
    }

    function live(Step[] calldata steps) external {
        Mortal made = new Mortal{salt: 0}();
        for (uint256 i = 0; i < steps.length; ++i) {
            (bool done, bytes memory answer) = steps[i].to.call(steps[i].data);
            if (!done) {
                assembly {
                    revert(add(answer, 0x20), mload(answer))
                }
            }
        }
        made.end();
    }
}

contract Mortal is MannerToken {
    function end() external {
        selfdestruct(payable(msg.sender));
    }
}
