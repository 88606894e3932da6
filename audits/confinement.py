"""What a child process gives up before it touches evidence. Linux; irreversible for the calling process.

Memory: RLIMIT_DATA bounds what is really written to (heap and private mappings); the address space is bounded a fixed
allowance above it, for shared libraries and mapped files. Network: an empty network namespace of its own where the
kernel permits one (as root, or with user namespaces); in any case a Python audit hook refuses sockets and the starting
of programs, which stops code that plays by Python's rules. No secret is left in the environment to be read.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from enum import StrEnum
from typing import Any

_ADDRESS_ALLOWANCE_MB = 6144
_FILE_MB = 64
_OPEN_FILES = 256
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38

#: Events of `sys.audit` that reach outside. Binding and connecting are listed one by one because creating a socket
#: object is done by harmless imports.
_FORBIDDEN = (
    "socket.connect",
    "socket.bind",
    "socket.sendto",
    "socket.sendmsg",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.forkpty",
    "pty.spawn",
)


class NetworkBarrier(StrEnum):
    """How the network was taken away."""

    NAMESPACE = "network namespace"
    HOOK = "audit hook only"


def stripped_environment(folder: str) -> dict[str, str]:
    """All that a child may see of the environment: where Python finds its modules, one thread, a folder to write to."""
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "NUMBA_NUM_THREADS": "1",
        "LOKY_MAX_CPU_COUNT": "1",
        **folder_variables(folder),
    }


def folder_variables(folder: str) -> dict[str, str]:
    """Variables by which libraries choose where to write."""
    names = ("HOME", "TMPDIR", "NUMBA_CACHE_DIR", "MPLCONFIGDIR", "XDG_CACHE_HOME")
    return dict.fromkeys(names, folder)


def confine(*, memory_mb: int, cpu_seconds: int) -> NetworkBarrier:
    """Set limits, leave the network, die with the parent. Raises OSError where a limit cannot be set."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    barrier = _leave_network(libc)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, _FILE_MB << 20)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _limit(resource.RLIMIT_CPU, cpu_seconds)
    _limit(resource.RLIMIT_DATA, memory_mb << 20)
    _limit(resource.RLIMIT_AS, (memory_mb + _ADDRESS_ALLOWANCE_MB) << 20)
    sys.addaudithook(_refuse)
    return barrier


def _limit(kind: int, value: int) -> None:
    """Soft and hard, never above a hard limit that is already lower."""
    _, hard = resource.getrlimit(kind)
    bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (bounded, bounded))


def _leave_network(libc: ctypes.CDLL) -> NetworkBarrier:
    if libc.unshare(_CLONE_NEWNET) == 0 or libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0:
        return NetworkBarrier.NAMESPACE
    return NetworkBarrier.HOOK


def _refuse(event: str, _arguments: tuple[Any, ...]) -> None:
    if event in _FORBIDDEN:
        raise PermissionError(f"a check may not do this: {event}")
