// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedTerms} from "./FixedTerms.sol";
import {SplitMoney} from "./SplitMoney.sol";
import {SplitOffice} from "./SplitOffice.sol";

/// @title RevenueSplit: one agreement's money, shared as agreed.
/// @notice Whatever arrives here, coin or token, by plain transfer or through `pay` and `remit`, is revenue. Anyone may
///         call `distribute`; each payee then gets what it has earned by the money rule (lib/MoneyRule.sol) and was not
///         paid before. It never matters how often, or by whom, money is distributed, and what rounding leaves over
///         stays below one unit per payee and tier.
///
/// What it is: the implementation behind minimal clones (lib/Clone.sol). A clone carries the commitment to its terms in
/// its own code, holds one agreement's money only, and keeps one word per asset; a payee has storage only if it claimed
/// alone or could not be paid.
///
/// What it is not: it has no owner, no upgrade, no arbitrary call. It does not judge tokens. One that lies about
/// balances, or takes them away, harms the payees of this split in that token, and nobody else. A settlement token that
/// lies can also hold up payments in other assets.
///
/// Assumptions: EIP-1153. At most 2^127 − 1 units of an asset are ever counted as revenue. What a token says it has
/// transferred counts as paid (lib/Delivery.sol); if it keeps the money, that is revenue again.
contract RevenueSplit is SplitMoney, FixedTerms {
    constructor(address backOffice) SplitMoney(backOffice) {}
}

/// @title BackOffice: the back office of a RevenueSplit.
contract BackOffice is SplitOffice, FixedTerms {}
