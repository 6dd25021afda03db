"""The contract itself, on an embedded chain, through nothing but its ABI: no handle of the library."""
