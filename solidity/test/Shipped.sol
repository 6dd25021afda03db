// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "./Vm.sol";

/// @title Deploys contracts from the bytes that are shipped to users.
/// @dev REVSHARE_TEST_ARTIFACTS names another folder of artifacts, for instance of contracts broken on purpose, to see that
///      the tests notice.
library Shipped {
    function deploy(string memory name) internal returns (address) {
        return deploy(name, "");
    }

    function deploy(string memory name, bytes memory arguments) internal returns (address deployed) {
        string memory folder = vm.envOr("REVSHARE_TEST_ARTIFACTS", string("src/revshare/artifacts"));
        string memory json = vm.readFile(string.concat(folder, "/", name, ".json"));
        bytes memory code = bytes.concat(vm.parseJsonBytes(json, ".bytecode"), arguments);
        assembly ("memory-safe") {
            deployed := create(0, add(code, 0x20), mload(code))
        }
        require(deployed != address(0), string.concat(name, " cannot be deployed"));
    }
}
