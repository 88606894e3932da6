"""What a child process gives up before it touches evidence. Linux; irreversible for the calling process.

Memory: RLIMIT_DATA bounds heap and private mappings, counted from what the libraries hold already; the address space
is bounded a fixed allowance above it, for shared libraries and mapped files. Network: an empty network namespace of
its own where the kernel permits one (as root, or with user namespaces). Files: by Landlock only libraries and the
evidence can be read, and only the child's own folder written. Calls: a seccomp filter refuses new processes, programs
and sockets, so that a fork bomb has nothing to fork. In any case a Python audit hook refuses the same, which stops
code that plays by Python's rules. No secret is left in the environment to be read. What held is recorded in the
observation.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import sysconfig
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any

from audits.landlock import restrict_files
from audits.seccomp import restrict_calls

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


_CHANGING = (
    "os.chmod",
    "os.chown",
    "os.link",
    "os.mkdir",
    "os.mkfifo",
    "os.mknod",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.truncate",
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

#: What libraries read besides themselves: the loader's cache, time zones, how many processors and how much memory.
_SYSTEM = (
    "/usr",
    "/lib",
    "/lib64",
    "/bin",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/timezone",
    "/dev/null",
    "/dev/urandom",
    "/dev/random",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys/vm",
    "/sys/devices/system",
    "/sys/fs/cgroup",
)


class Barrier(StrEnum):
    """How something was taken away."""

    NAMESPACE = "network namespace"
    LANDLOCK = "landlock"
    SECCOMP = "seccomp"
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


def confine(*, memory_mb: int, cpu_seconds: int, folder: str, readable: Iterable[Path] = ()) -> dict[str, Barrier]:
    """Set limits, leave the network and all files but `readable` and `folder`, die with the parent.

    Answers how network, files and calls were barred. Raises OSError where a limit cannot be set.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    network = _leave_network(libc)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, _FILE_MB << 20)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _limit(resource.RLIMIT_CPU, cpu_seconds)
    held = _held_already()
    _limit(resource.RLIMIT_DATA, held + (memory_mb << 20))
    _limit(resource.RLIMIT_AS, held + ((memory_mb + _ADDRESS_ALLOWANCE_MB) << 20))
    files = restrict_files(
        libc, readable=[*map(Path, _SYSTEM), *_libraries(), *readable], writable=[Path(folder), Path(os.devnull)]
    )
    calls = restrict_calls(libc)
    sys.addaudithook(_hook(os.path.realpath(folder)))
    return {
        "network": network,
        "files": Barrier.LANDLOCK if files else Barrier.HOOK,
        "calls": Barrier.SECCOMP if calls else Barrier.HOOK,
    }


def _libraries() -> list[Path]:
    """Python, what is installed in it, and our packages; not the folder around them, which may hold the keys."""
    own = [Path(path) for name in ("audits", "registry") for path in getattr(sys.modules.get(name), "__path__", ())]
    # The last is inside the first, unless somebody linked it there.
    return [Path(sys.prefix), Path(sys.base_prefix), *own, Path(sysconfig.get_path("platlib"))]


def _limit(kind: int, value: int) -> None:
    """Soft and hard, never above a hard limit that is already lower."""
    _, hard = resource.getrlimit(kind)
    bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (bounded, bounded))


def _held_already() -> int:
    """Bytes of private memory that are mapped now; much of it is only reserved by allocators. 0 where not known."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmData:")), 0)


def _leave_network(libc: ctypes.CDLL) -> Barrier:
    if libc.unshare(_CLONE_NEWNET) == 0 or libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0:
        return Barrier.NAMESPACE
    return Barrier.HOOK


def _hook(folder: str) -> Callable[[str, tuple[Any, ...]], None]:
    """Refuses what reaches outside; `folder` is the one place where files may be changed."""

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _FORBIDDEN:
            raise PermissionError(f"a check may not do this: {event}")
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITES and not _inside(path, folder):
                raise PermissionError("a check may not do this: write outside of its folder")
        elif event in _CHANGING and not _inside(arguments[0], folder):
            raise PermissionError(f"a check may not do this: {event} outside of its folder")

    return refuse


def _inside(path: Any, folder: str) -> bool:
    """Whether a path, if it is one and no descriptor, lies in `folder` or is the null device."""
    if not isinstance(path, str | bytes | os.PathLike):
        return True
    found = os.path.realpath(os.fsdecode(path))
    return found in {folder, os.devnull} or found.startswith(folder + os.sep)
