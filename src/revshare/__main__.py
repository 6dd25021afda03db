"""`python -m revshare`: the command line, for when the script `revshare` is not on PATH."""

from __future__ import annotations

from revshare.cli import main

if __name__ == "__main__":
    main()
