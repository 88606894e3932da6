"""Which system calls the calling process may still make: a seccomp filter. Needs no privilege; irreversible.

Refused with EPERM: new processes (threads are allowed), programs, sockets, signals to others, reading other processes'
memory, and what administers a machine. A deny-list: the way out of the process is closed, not every call examined.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_CLONE_THREAD = 0x00010000
_X32 = 0x40000000

#: For each machine: its audit constant, `clone`, `clone3`, the calls that name a process, and those refused outright.
_MACHINES: dict[str, tuple[int, int, int, tuple[int, ...], tuple[int, ...]]] = {
    "x86_64": (
        0xC000003E,
        56,
        435,
        (62, 234, 129, 297),  # kill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo
        (
            *(57, 58, 59, 322),  # fork, vfork, execve, execveat
            *(41, 42, 43, 44, 46, 49, 50, 288, 307),  # sockets
            *(200, 101, 310, 311, 312),  # tkill, ptrace, process_vm_readv, process_vm_writev, kcmp
            *(425, 426, 427),  # io_uring, which would make calls unseen
            *(29, 64, 68, 240),  # System V and POSIX message queues, semaphores, shared memory
            *(155, 161, 165, 166, 272, 308, 303, 304),  # mounts, namespaces, file handles
            *(167, 168, 169, 172, 173, 175, 176, 246, 313, 320),  # swap, reboot, ports, modules, kexec
            *(248, 249, 250, 298, 321, 323, 424, 434, 438),  # keys, perf, bpf, userfaultfd, pidfd
        ),
    ),
    "aarch64": (
        0xC00000B7,
        220,
        435,
        (129, 131, 138, 240),
        (
            *(221, 281),
            *(198, 200, 201, 202, 203, 206, 211, 242, 269),
            *(130, 117, 270, 271, 272),
            *(425, 426, 427),
            *(180, 186, 190, 194),
            *(39, 40, 41, 51, 97, 264, 265, 268),
            *(104, 105, 106, 142, 224, 225, 273, 294),
            *(217, 218, 219, 241, 280, 282, 424, 434, 438),
        ),
    ),
}


def restrict_calls(libc: ctypes.CDLL) -> bool:
    """Install the filter for this process and its later threads; no_new_privs must be set. False where unknown."""
    known = _MACHINES.get(platform.machine())
    if known is None or struct.calcsize("P") != 8:  # noqa: PLR2004 - a 64-bit process
        return False
    content = b"".join(_program(*known, own=os.getpid()))
    buffer = ctypes.create_string_buffer(content, len(content))
    header = struct.pack("@HP", len(content) // 8, ctypes.addressof(buffer))
    return bool(libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, header, 0, 0) == 0)


def _program(
    machine: int, clone: int, clone3: int, signals: tuple[int, ...], refused: tuple[int, ...], *, own: int
) -> list[bytes]:
    """BPF: each block either returns or falls through to the next with the call's number loaded."""
    lines = [
        _line(_LOAD, _ARCHITECTURE),
        _line(_EQUAL, machine, yes=1),
        _line(_RETURN, _KILL_PROCESS),
        _line(_LOAD, _NUMBER),
        _line(_AT_LEAST, _X32, no=1),
        _line(_RETURN, _ERRNO | errno.EPERM),
        # Without clone3 the C library falls back to clone, whose flags a filter can see.
        _line(_EQUAL, clone3, no=1),
        _line(_RETURN, _ERRNO | errno.ENOSYS),
        _line(_EQUAL, clone, no=4),
        _line(_LOAD, _FIRST_ARGUMENT),
        _line(_ANY_BIT, _CLONE_THREAD, no=1),
        _line(_RETURN, _ALLOW),
        _line(_RETURN, _ERRNO | errno.EPERM),
    ]
    for number in signals:
        lines += [
            _line(_EQUAL, number, no=4),
            _line(_LOAD, _FIRST_ARGUMENT),
            _line(_EQUAL, own, no=1),
            _line(_RETURN, _ALLOW),
            _line(_RETURN, _ERRNO | errno.EPERM),
        ]
    for number in refused:
        lines += [_line(_EQUAL, number, no=1), _line(_RETURN, _ERRNO | errno.EPERM)]
    return [*lines, _line(_RETURN, _ALLOW)]


def _line(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)
