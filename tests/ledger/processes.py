"""Work in processes of its own, which may be killed."""

from __future__ import annotations

import os
import signal
import traceback
import warnings
from collections.abc import Callable, Iterable


def fork(work: Callable[[], object]) -> int:
    """Do `work` in a copy of this process, which has all modules loaded; returns its id."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # of threads: pytest-xdist has one that only waits
        pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it is, the parent must learn of it
        traceback.print_exc()
    finally:
        os._exit(code)  # what this process would do at its end is the parent's business


def finished(pids: Iterable[int]) -> bool:
    """Wait for them; whether all ended well."""
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    return not any(codes)


def kill(pid: int) -> None:
    """Kill one of ours, without a word."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
