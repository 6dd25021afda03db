// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev A payee that is a contract: it signs by ERC-1271 in one of several ways, and does something when it is paid.
contract Wallet {
    enum Answer {
        Owners, // yes to its owner's signature
        Always,
        Never,
        Reverts,
        BurnsGas,
        Short, // the right answer, and too few bytes of it
        Bomb // far too much
    }

    address public immutable owner;
    Answer public answer;
    bool public refuses;
    address public target;
    /// @dev Code of which all but the first byte is the calldata: so much cheaper to read than storage.
    address private _data;
    /// @notice What its call brought back: 1 for success, else the selector of the error; 0 when it made none.
    uint256 public outcome;

    constructor(address owner_) {
        owner = owner_;
    }

    function become(Answer answer_, bool refuses_) external {
        (answer, refuses) = (answer_, refuses_);
    }

    function plan(address target_, bytes calldata data_) external {
        bytes memory code = abi.encodePacked(hex"61", uint16(data_.length + 1), hex"80600a3d393df3", hex"00", data_);
        address made;
        assembly {
            made := create(0, add(code, 0x20), mload(code))
        }
        (target, _data) = (target_, made);
    }

    receive() external payable {
        _paid();
    }

    function tokensReceived() external {
        _paid();
    }

    function _paid() private {
        require(!refuses);
        if (target == address(0)) return;
        address called = target;
        target = address(0);
        bytes memory data = _data.code;
        assembly {
            mstore(add(data, 1), sub(mload(data), 1))
            data := add(data, 1)
        }
        (bool done, bytes memory back) = called.call(data);
        outcome = done ? 1 : back.length < 4 ? 2 : uint32(bytes4(back));
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes32) {
        if (answer == Answer.Always) return bytes32(bytes4(0x1626ba7e));
        if (answer == Answer.Never) return bytes32(bytes4(0xffffffff));
        if (answer == Answer.Reverts) revert();
        if (answer == Answer.BurnsGas) {
            assembly {
                invalid()
            }
        }
        if (answer == Answer.Short) {
            assembly {
                mstore(0, shl(224, 0x1626ba7e))
                return(0, 4)
            }
        }
        if (answer == Answer.Bomb) {
            assembly {
                mstore(0, shl(224, 0x1626ba7e))
                return(0, 1000000)
            }
        }
        (bytes32 r, bytes32 s) = (bytes32(signature[:32]), bytes32(signature[32:64]));
        bool owners = ecrecover(hash, uint8(signature[64]), r, s) == owner;
        return owners ? bytes32(bytes4(0x1626ba7e)) : bytes32(bytes4(0xffffffff));
    }
}

/// @dev A token of any temper.
contract MoodyToken {
    enum Mood {
        Good,
        RefusesTransfers,
        RefusesToTellBalances,
        BurnsGas,
        Tells // its recipients
    }

    string public constant symbol = "MOOD";
    uint8 public constant decimals = 6;
    Mood public mood;
    mapping(address => uint256) private _balances;
    mapping(address => mapping(address => uint256)) public allowance;

    function become(Mood mood_) external {
        mood = mood_;
    }

    function balanceOf(address who) external view returns (uint256) {
        require(mood != Mood.RefusesToTellBalances);
        return _balances[who];
    }

    function mint(address to, uint256 amount) external {
        _balances[to] += amount;
    }

    /// @dev What a rebase or a seizure does.
    function take(address from, uint256 amount) external {
        _balances[from] -= amount;
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
        require(mood != Mood.RefusesTransfers);
        if (mood == Mood.BurnsGas) {
            assembly {
                invalid()
            }
        }
        _balances[from] -= amount;
        _balances[to] += amount;
        if (mood == Mood.Tells && to.code.length != 0) Wallet(payable(to)).tokensReceived();
        return true;
    }
}
