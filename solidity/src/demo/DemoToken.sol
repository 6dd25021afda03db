// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title DemoToken: play money for demonstrations and tests.
/// @notice A plain ERC-20 of any number of decimals, of which anyone may mint as much as they like. Worth nothing, by design.
contract DemoToken {
    /// @notice ERC-20: what it is called.
    string public name;
    /// @notice ERC-20: its short name.
    string public symbol;
    /// @notice ERC-20: digits after the point.
    uint8 public immutable decimals;
    /// @notice ERC-20: units that were ever minted.
    uint256 public totalSupply;
    /// @notice ERC-20: units an account holds.
    mapping(address owner => uint256) public balanceOf;
    /// @notice ERC-20: units of `owner` that `spender` may still move.
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    /// @notice ERC-20: `value` units moved; from address(0) when they were minted.
    event Transfer(address indexed from, address indexed to, uint256 value);
    /// @notice ERC-20: `spender` may move `value` units of `owner`.
    event Approval(address indexed owner, address indexed spender, uint256 value);

    /// @dev ERC-6093.
    error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
    /// @dev ERC-6093.
    error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);

    /// @param decimals_ Digits after the point; at most 36, as everywhere in this project.
    constructor(string memory name_, string memory symbol_, uint8 decimals_) {
        require(decimals_ <= 36);
        (name, symbol, decimals) = (name_, symbol_, decimals_);
    }

    /// @notice Makes `amount` units out of nothing for `to`. Anyone may.
    /// @dev Reverts only where the supply would pass 2^256 − 1 units.
    function mint(address to, uint256 amount) external {
        totalSupply += amount;
        balanceOf[to] += amount;
        emit Transfer(address(0), to, amount);
    }

    /// @notice Lets `spender` move `amount` units of the caller's.
    /// @dev Never reverts.
    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        emit Approval(msg.sender, spender, amount);
        return true;
    }

    /// @notice Moves `amount` units of the caller's to `to`.
    /// @dev Reverts: ERC20InsufficientBalance.
    function transfer(address to, uint256 amount) external returns (bool) {
        _move(msg.sender, to, amount);
        return true;
    }

    /// @notice Moves `amount` units of `from`, of what it allowed the caller; an allowance of 2^256 − 1 never runs out.
    /// @dev Reverts: ERC20InsufficientAllowance, ERC20InsufficientBalance.
    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        uint256 allowed = allowance[from][msg.sender];
        if (allowed < amount) revert ERC20InsufficientAllowance(msg.sender, allowed, amount);
        if (allowed != type(uint256).max) allowance[from][msg.sender] = allowed - amount;
        _move(from, to, amount);
        return true;
    }

    function _move(address from, address to, uint256 amount) private {
        uint256 balance = balanceOf[from];
        if (balance < amount) revert ERC20InsufficientBalance(from, balance, amount);
        balanceOf[from] = balance - amount;
        balanceOf[to] += amount;
        emit Transfer(from, to, amount);
    }
}
