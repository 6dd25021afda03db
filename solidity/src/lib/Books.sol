// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title The books of one token, in one word: distributed(128) ‖ paidOut(127) ‖ claimedAlone(1).
/// @dev `distributed`  revenue up to which everybody has been paid or credited.
///      `paidOut`      all that has left; revenue is the balance plus this.
///      `claimedAlone` some payee claimed beyond `distributed`, so a distribution must look at each payee's own mark.
///      Kept in the storage slot that is the token's own address; slot 0 is the coin's.
///      All ones while the token is being paid out: the books are their own lock, so the lock costs a write to a slot that
///      is written anyway, and money in one token can be paid out while a payee of another looks on.
type Books is uint256;

Books constant LOCKED = Books.wrap(type(uint256).max);

/// @title A payee's own books in one token, in one word: mark(128) ‖ credit(128).
/// @dev `mark` is the revenue up to which it claimed alone (0: never), `credit` what is set aside for it.
///      Kept in slot keccak256(token(20) ‖ payee(20)): 40 bytes, where mappings hash 64.
type Account is uint256;

using {distributed, paidOut, claimedAlone, isLocked, store} for Books global;
using {mark, credit, save} for Account global;

function toBooks(uint256 distributed_, uint256 paidOut_, bool claimedAlone_) pure returns (Books books) {
    assembly ("memory-safe") {
        books := or(or(shl(128, distributed_), shl(1, paidOut_)), claimedAlone_)
    }
}

function store(Books books, address token) {
    assembly ("memory-safe") {
        sstore(token, books)
    }
}

function distributed(Books books) pure returns (uint256) {
    return Books.unwrap(books) >> 128;
}

function paidOut(Books books) pure returns (uint256) {
    return uint128(Books.unwrap(books)) >> 1;
}

function claimedAlone(Books books) pure returns (bool) {
    return Books.unwrap(books) & 1 == 1;
}

function isLocked(Books books) pure returns (bool) {
    return Books.unwrap(books) == type(uint256).max;
}

function accountSlot(address token, address payee) pure returns (uint256 slot) {
    assembly ("memory-safe") {
        mstore(0x14, payee)
        mstore(0x00, token)
        slot := keccak256(0x0c, 0x28)
    }
}

function accountAt(uint256 slot) view returns (Account account) {
    assembly ("memory-safe") {
        account := sload(slot)
    }
}

function toAccount(uint256 mark_, uint256 credit_) pure returns (Account) {
    return Account.wrap(mark_ << 128 | credit_);
}

function save(Account account, uint256 slot) {
    assembly ("memory-safe") {
        sstore(slot, account)
    }
}

function mark(Account account) pure returns (uint256) {
    return Account.unwrap(account) >> 128;
}

function credit(Account account) pure returns (uint256) {
    return uint128(Account.unwrap(account));
}
