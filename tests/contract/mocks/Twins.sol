// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Balances that have no address of their own to be asked at: Doors do that.
contract Sheet {
    mapping(address => uint256) public balanceOf;
    mapping(address => bool) public isDoor;

    function open(address door) external {
        isDoor[door] = true;
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function move(address from, address to, uint256 amount) external {
        require(isDoor[msg.sender], "not a door");
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @title An ERC-20 of which there may be several for the same balances, as of tokens with an old address and a new one.
contract Door {
    Sheet public immutable sheet;
    mapping(address => mapping(address => uint256)) public allowance;

    constructor(Sheet sheet_) {
        sheet = sheet_;
    }

    function balanceOf(address who) external view virtual returns (uint256) {
        return sheet.balanceOf(who);
    }

    function mint(address to, uint256 amount) external {
        sheet.mint(to, amount);
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external virtual returns (bool) {
        sheet.move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        sheet.move(from, to, amount);
        return true;
    }
}

interface IPaidAtADoor {
    function tokensReceived(address from, uint256 amount) external;
}

/// @title A Door that calls whom it pays, if it was asked to.
contract TellingDoor is Door {
    mapping(address => bool) public hooked;

    constructor(Sheet sheet_) Door(sheet_) {}

    function hook(address who) external {
        hooked[who] = true;
    }

    function transfer(address to, uint256 amount) external override returns (bool) {
        sheet.move(msg.sender, to, amount);
        if (hooked[to]) IPaidAtADoor(to).tokensReceived(msg.sender, amount);
        return true;
    }
}

/// @title The same, where it takes so much gas to say what is held.
contract DearTellingDoor is TellingDoor {
    uint256 public immutable least;
    bool public immutable burns;

    /// @param burns_ Whether it uses that gas, or says nothing at once where there is less.
    constructor(Sheet sheet_, uint256 least_, bool burns_) TellingDoor(sheet_) {
        (least, burns) = (least_, burns_);
    }

    function balanceOf(address who) external view override returns (uint256) {
        if (burns) {
            uint256 until = gasleft() - least;
            while (gasleft() > until) {}
        } else {
            require(gasleft() >= least, "too little gas");
        }
        return sheet.balanceOf(who);
    }
}

/// @title A TellingDoor that says nought to whoever gives it less than so much gas.
contract SlyDoor is TellingDoor {
    uint256 public immutable least;

    constructor(Sheet sheet_, uint256 least_) TellingDoor(sheet_) {
        least = least_;
    }

    function balanceOf(address who) external view override returns (uint256) {
        return gasleft() < least ? 0 : sheet.balanceOf(who);
    }
}

/// @title A Door that says nothing, at once, to whoever gives it less than so much gas.
contract PickyDoor is Door {
    uint256 public immutable least;

    constructor(Sheet sheet_, uint256 least_) Door(sheet_) {
        least = least_;
    }

    function balanceOf(address who) external view override returns (uint256) {
        require(gasleft() >= least, "too little gas");
        return sheet.balanceOf(who);
    }
}

/// @title The chain's coin as an ERC-20, for a chain that has a precompile to move it, as Celo and others do.
contract CoinToken {
    address private constant _TRANSFER = address(0xfd);

    mapping(address => mapping(address => uint256)) public allowance;

    function balanceOf(address who) external view returns (uint256) {
        return who.balance;
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
        (bool done,) = _TRANSFER.call(abi.encode(from, to, amount));
        require(done, "too little coin");
        return true;
    }
}
