"""What went wrong, in the words of the command line.

The library speaks to people who write Python: "pass token=". Who typed a command has no `token=` to pass, but
an option `--token`. So the commands, and they alone, put such phrases into their own words before they show a
message. Which phrases there are stands in one table, below; a test looks through all of the library's
messages for one that is missing here, and for one here that no message has any more.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

__all__ = ["in_commands", "of_error", "of_os_error"]

_KEYSTORE = "give a keystore file by --account"
PHRASES: dict[str, str] = {
    "pass token=, its address on this chain": "write its address on this chain "
    "into the file, as token.address (`deploy` takes it by --token as well)",
    " (RevenueSplit.predict_address), RevenueSplit.deploy creates it": ", `revshare deploy` creates it",
    "attach with RevenueSplit.at": "`revshare deploy` finds it",
    "pass account=, a signer such as eth_account.Account.from_key(…)": _KEYSTORE,
    "pass account=, a signer of eth-account for one": _KEYSTORE,
    "account looks like a private key: make a signer of it with eth_account.Account.from_key(…), or keep it "
    "in a keystore": "--account looks like a private key, which others can see: keep it in a "
    "keystore, as `cast wallet import` makes one",
    "account must sign typed data, as eth_account.Account.from_key(…) does": "--account must be a keystore "
    "file, or a key that can sign typed data",
    "for a signature made elsewhere there is add_consent": "a signature made elsewhere is given by --payee "
    "and --signature",
    "there is no ledger: there is no such file": "there is no ledger: name its file by --ledger; the first "
    "`revshare sales import` or `sales record` makes one",
    "account is not an address": "--account is neither a file that is there nor an address",
    "has been amended since this handle was made: refresh() it": "was amended just now: try again",
    "give finality= as a number of blocks": "give a number of blocks by --finality",
    "pass factory=, its address": "name it by the environment's REVSHARE_FACTORY",
    "pass from_block=, or an agreement": "ask a node that keeps history",
    "`send` does, or the calls that `approvals()` returns": "the command does that, run it again",
    "a correction is an entry of its own, see Ledger.reverse": "a correction is an entry of its own, see "
    "`revshare sales reverse --help`",
    "see Ledger.verify": "see `revshare ledger verify`",
    "as Ledger.head returns them": "as `revshare ledger verify` shows them",
}
"""What the library's messages say → what the commands say in its place."""

_ANY = re.compile("|".join(map(re.escape, PHRASES)))

_OS_ERRORS = {
    errno.ENOENT: "there is no such file",
    errno.EEXIST: "is there already, and is not written over: name another file",
    errno.EISDIR: "is a folder: name a file",
    errno.ENOTDIR: "what stands before the last / is a file, not a folder",
    errno.EACCES: "may not be opened by this user: check its permissions",
    errno.EPERM: "may not be opened by this user: check its permissions",
    errno.EROFS: "can only be read: the disk is read-only",
    errno.ENOSPC: "there is no room left on the disk",
    errno.EDQUOT: "there is no room left in this user's quota",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ELOOP: "is a link that leads back to itself",
}


def in_commands(message: str) -> str:
    """Return a message of the library in the words of the command line.

    >>> in_commands("the node holds no account: pass account=, a signer of eth-account for one")
    'the node holds no account: give a keystore file by --account'
    """
    return _ANY.sub(lambda found: PHRASES[found[0]], message)


def of_error(error: Exception) -> str:
    """Return what to say of an error that a command ended with."""
    return of_os_error(error) if isinstance(error, OSError) else in_commands(str(error))


def of_os_error(error: OSError) -> str:
    """Return in a sentence what the system said of a file: which, what is wrong, and what to do."""
    reason = _OS_ERRORS.get(error.errno or 0) or (error.strerror or str(error) or "it failed").lower()
    if error.filename is None:
        return in_commands(reason)
    file = os.fsdecode(error.filename) if not isinstance(error.filename, int) else str(error.filename)
    if error.errno == errno.ENOENT:
        folder = Path(file).parent
        if not folder.is_dir():
            reason = f"there is no folder {folder}"
    return f"{file}: {reason}"
