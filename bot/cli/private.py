"""Memory that holds opened keys is for this process alone."""

import ctypes
import resource
import sys
from contextlib import suppress

_SET_DUMPABLE = 4
"""PR_SET_DUMPABLE of linux/prctl.h."""


def keep_memory_private() -> None:
    """No core dump, and on Linux no look by another process of the same user; where that cannot be had, it is not.

    It does not pass on to processes that are started from here.
    """
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)
