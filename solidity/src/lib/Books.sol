// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The books of an asset, in one word: distributed(128) ‖ paidOut(127) ‖ claimedAlone(1).
/// @dev `distributed`  revenue up to which everybody has been paid or credited.
///      `paidOut`      all that has left; revenue is the balance plus this.
///      `claimedAlone` some payee claimed beyond `distributed`, so a distribution must look at each payee's own mark.
type Books is uint256;

using {distributed, paidOut, claimedAlone} for Books global;

/// @dev More can have been paid out than is ever counted only where a token lied about its balance.
error PaidOutTooMuch(uint256 paidOut);

function toBooks(uint256 distributed_, uint256 paidOut_, bool claimedAlone_) pure returns (Books) {
    if (paidOut_ >> 127 != 0) revert PaidOutTooMuch(paidOut_);
    return Books.wrap(distributed_ << 128 | paidOut_ << 1 | (claimedAlone_ ? 1 : 0));
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

/// @title A payee's own books in one asset, in one word: mark(128) ‖ credit(128).
/// @dev `mark` is the revenue up to which it claimed alone (0: never), `credit` what is set aside for it.
type Account is uint256;

using {mark, credit} for Account global;

function toAccount(uint256 mark_, uint256 credit_) pure returns (Account) {
    return Account.wrap(mark_ << 128 | credit_);
}

function mark(Account account) pure returns (uint256) {
    return Account.unwrap(account) >> 128;
}

function credit(Account account) pure returns (uint256) {
    return uint128(Account.unwrap(account));
}
