// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

interface IPlainToken {
    function balanceOf(address who) external view returns (uint256);
    function transfer(address to, uint256 amount) external returns (bool);
}

/// @title How payments go out (lib/Payout.sol), and what counts as paid (the table of lib/Delivery.sol), said plainly.
/// @notice It pays out of its own balance, as a split does. `asset` is address(0) for the coin.
contract PlainPayout {
    receive() external payable {}

    /// @notice Everybody is paid in order. A payment of nothing is not made.
    /// @return paid Whether each was paid; if not, it is set aside for the payee.
    function payAll(address asset, address[] memory payees, uint256[] memory amounts)
        external
        returns (bool[] memory paid)
    {
        paid = new bool[](payees.length);
        for (uint256 i = 0; i < payees.length; ++i) {
            paid[i] = amounts[i] == 0 || pay(asset, payees[i], amounts[i]);
        }
    }

    /// @notice The same up to the first payment that is no clean success.
    /// @return stopped Which that was, or how many there are.
    /// @return sent Units paid before it.
    /// @return called Whether its call came back without a revert.
    function payUntilFailure(address asset, address[] memory payees, uint256[] memory amounts)
        external
        returns (uint256 stopped, uint256 sent, bool called)
    {
        for (; stopped < payees.length; ++stopped) {
            if (amounts[stopped] == 0) continue;
            bytes memory answer;
            (called, answer) = _send(asset, payees[stopped], amounts[stopped]);
            if (!isClean(asset, called, answer)) return (stopped, sent, called);
            sent += amounts[stopped];
        }
    }

    /// @notice One payment, with the gas that everybody gets.
    /// @return paid If not, nothing has happened.
    function pay(address asset, address payee, uint256 amount) public returns (bool paid) {
        try this.payOrUndo(asset, payee, amount) {
            return true;
        } catch {
            return false;
        }
    }

    function payOrUndo(address asset, address payee, uint256 amount) external {
        uint256 held = _balance(asset);
        (bool called, bytes memory answer) = _send(asset, payee, amount);
        require(isPaid(asset, amount, called, answer, held, _balance(asset)));
    }

    function _send(address asset, address payee, uint256 amount) private returns (bool called, bytes memory answer) {
        if (asset == address(0)) return payee.call{value: amount, gas: 50_000}("");
        return asset.call{gas: 200_000}(abi.encodeCall(IPlainToken.transfer, (payee, amount)));
    }

    /// @notice Whether a call may be believed to have paid: coin that was accepted, a contract's silence, `true`.
    function isClean(address asset, bool called, bytes memory answer) public view returns (bool) {
        if (!called) return false;
        if (asset == address(0)) return true;
        if (answer.length == 0) return asset.code.length != 0;
        return answer.length >= 32 && abi.decode(answer, (uint256)) == 1;
    }

    /// @notice The table.
    function isPaid(
        address asset,
        uint256 amount,
        bool called,
        bytes memory answer,
        uint256 heldBefore,
        uint256 heldAfter
    ) public view returns (bool) {
        if (isClean(asset, called, answer)) return true; // what it says counts
        if (!called || asset.code.length == 0) return false; // a revert undoes whatever was done
        return heldBefore >= amount && heldAfter == heldBefore - amount;
    }

    function _balance(address asset) private view returns (uint256) {
        if (asset == address(0)) return address(this).balance;
        return asset.code.length == 0 ? 0 : IPlainToken(asset).balanceOf(address(this));
    }
}
