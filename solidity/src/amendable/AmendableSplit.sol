// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AmendableTerms} from "./AmendableTerms.sol";
import {SplitMoney} from "../split/SplitMoney.sol";

/// @title AmendableSplit: a RevenueSplit whose terms may change, as agreed at creation: by consent, or after notice.
/// @notice New terms touch only revenue received after them. Tiers go on counting from the first unit the split ever
///         received. How they change: AmendableBackOffice.sol.
/// @dev A split that can never be amended (RevenueSplit) is 2,500 gas a call cheaper, hence a contract of its own.
contract AmendableSplit is SplitMoney, AmendableTerms {
    constructor(address backOffice) SplitMoney(backOffice) {}
}
