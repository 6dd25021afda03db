// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What the proofs ask of SaleEscrow, whose source they do not compile.
interface ISaleEscrow {
    enum State {
        None,
        Held,
        Disputed,
        Owed,
        Done
    }

    struct Terms {
        address split;
        bytes32 saleId;
        address token;
        uint256 amount;
        address seller;
        address arbiter;
        uint64 deadline;
        uint64 decisionDeadline;
        bool refundByDefault;
    }

    struct Sale {
        address buyer;
        uint40 deadline;
        uint40 decisionDeadline;
        bool refundByDefault;
        State state;
        address token;
        address seller;
        address arbiter;
        uint128 amount;
        uint128 owed;
    }

    function open(Terms calldata terms) external payable;
    function openWithPermit(Terms calldata terms, uint256 until, uint8 v, bytes32 r, bytes32 s) external;
    function confirm(address split, bytes32 saleId) external;
    function dispute(address split, bytes32 saleId) external;
    function refund(address split, address buyer, bytes32 saleId) external;
    function decide(address split, address buyer, bytes32 saleId, uint256 amountToBuyer) external;
    function release(address split, address buyer, bytes32 saleId) external;
    function settleByDefault(address split, address buyer, bytes32 saleId) external;
    function withdrawCredit(address payee, address token) external returns (uint256 amount);
    function redirectCredit(address to, address token, uint256 amount) external;
    function sale(address split, address buyer, bytes32 saleId) external view returns (Sale memory);
    function recordIdOf(address buyer, bytes32 saleId) external view returns (bytes32);
    function credit(address payee, address token) external view returns (uint256);
    function payIn(address split, bytes32 recordId, address token, uint256 amount) external;
    function deliver(address asset, address to, uint256 amount, bool measured) external returns (bool paid);
}

/// @title What the proofs ask of PayoutBook.
interface IPayoutBook {
    struct Claim {
        address payee;
        uint256 cumulative;
        bytes32[] proof;
    }

    function publish(uint256 total, bytes32 root, address token) external payable;
    function withdraw(address token) external;
    function withdrawSurplus(address token, address to, uint256 amount) external;
    function activate(address token) external;
    function claim(address payee, uint256 cumulative, bytes32[] calldata proof, address token)
        external
        returns (uint256 amount);
    function claimTo(address to, uint256 cumulative, bytes32[] calldata proof, address token)
        external
        returns (uint256 amount);
    function claimMany(address token, Claim[] calldata claims) external returns (uint256 sent, uint256 skipped);
    function deliver(address asset, address to, uint256 amount, bool measured) external returns (bool paid_);
    function promised(address token) external view returns (bytes32 root, uint256 total, uint256 claimed);
    function announced(address token) external view returns (bytes32 root, uint256 total, uint256 activeAt);
    function paid(address payee, address token) external view returns (uint256);
    function surplus(address token) external view returns (uint256);
    function leafOf(address payee, address token, uint256 cumulative) external view returns (bytes32);
    function owner() external view returns (address);
    function pendingOwner() external view returns (address);
    function delay() external view returns (uint256);
    function transferOwnership(address next) external;
    function acceptOwnership() external;
}
