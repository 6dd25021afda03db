// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title An ERC-20 that moves what it likes and answers what it likes, the one whatever the other.
/// @notice What the table in lib/Delivery.sol tells apart: each answer (none, true, false, another word, too short, a revert)
///         with each movement (none, all, less, more, the sender's balance grows).
contract AnsweringToken {
    enum Moves {
        All,
        Nothing,
        Part, // `number` units, or all if that is more than is sent
        More, // and burns `number` units of the sender's besides
        Grows // the sender gets `number` units, and the recipient nothing
    }

    Moves public moves;
    bool public reverts;
    /// @notice Whom it concerns; nobody (zero) means everybody.
    address public victim;
    uint256 public word = 1;
    uint256 public length = 32;
    uint256 public number;
    uint256 public totalSupply;
    mapping(address => uint256) public held;
    mapping(address => mapping(address => uint256)) public allowance;

    function behave(Moves moves_, uint256 number_, address victim_) external {
        (moves, number, victim) = (moves_, number_, victim_);
    }

    function answer(bool reverts_, uint256 word_, uint256 length_) external {
        (reverts, word, length) = (reverts_, word_, length_);
    }

    /// @notice Whether what it answers is a clean success.
    function saysYes() external view returns (bool) {
        return !reverts && (length == 0 || length > 31 && word == 1);
    }

    function mint(address to, uint256 amount) external {
        held[to] += amount;
        totalSupply += amount;
    }

    function burn(address from, uint256 amount) external {
        held[from] -= amount;
        totalSupply -= amount;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function balanceOf(address who) external view returns (uint256) {
        return held[who];
    }

    /// @dev What comes in comes in as it should.
    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
        return true;
    }

    function transfer(address to, uint256 amount) external {
        bool concerned = victim == address(0) || victim == to;
        Moves how = concerned ? moves : Moves.All;
        if (how == Moves.All || how == Moves.More) _move(msg.sender, to, amount);
        if (how == Moves.Part) _move(msg.sender, to, number < amount ? number : amount);
        if (how == Moves.More) {
            uint256 burned = number < held[msg.sender] ? number : held[msg.sender];
            held[msg.sender] -= burned;
            totalSupply -= burned;
        }
        if (how == Moves.Grows) {
            held[msg.sender] += number;
            totalSupply += number;
        }
        (uint256 word_, uint256 length_) = concerned ? (word, length) : (1, 32);
        if (concerned && reverts) {
            assembly {
                mstore(0, word_)
                revert(0, length_)
            }
        }
        assembly {
            mstore(0, word_)
            return(0, length_)
        }
    }

    function _move(address from, address to, uint256 amount) private {
        held[from] -= amount;
        held[to] += amount;
    }
}
