"""What lies in memory while a vault is open can be had by no dump and by no other process of the same user."""

import subprocess
import sys

import pytest

from tests.end_to_end.processes import ROOT

_GET_DUMPABLE = 3
SHOWN = f"""
import asyncio, ctypes, resource, sys
from bot.cli.private import keep_memory_private
prctl = ctypes.CDLL(None).prctl
before = prctl({_GET_DUMPABLE}, 0, 0, 0, 0)
keep_memory_private()
async def start():
    child = await asyncio.create_subprocess_exec("true", stdin=asyncio.subprocess.DEVNULL)
    return await child.wait()
print(before, prctl({_GET_DUMPABLE}, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE)[0], asyncio.run(start()))
"""
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")


@LINUX
def test_memory_is_kept_private_and_processes_can_still_be_started():
    shown = subprocess.run(
        [sys.executable, "-c", SHOWN], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert shown.stdout.split() == ["1", "0", "0", "0"]
