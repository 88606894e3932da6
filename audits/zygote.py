"""A process that has imported the heavy libraries once and forks a child for each job.

Importing scikit-learn and shap takes seconds; a fork takes milliseconds and shares their memory. The zygote itself
reads no evidence and does no work, so no lock of a library is held when it forks; what starts threads of its own when
imported (onnxruntime) is left to the child. It ends when its control socket is
closed, that is with its owner. Children stay unreaped until their owner asks, so their process id cannot be reused
while somebody may still want to kill it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import socket
import struct
import sys

from audits.child import run_job

FORK, REAP = b"F", b"R"
MESSAGE = struct.Struct("!cq")
REPLY = struct.Struct("!q")
#: The job, where to answer and, for some, where to ask.
_MOST_DESCRIPTORS = 3

PRELOADED = (
    "duckdb",
    "numpy",
    "pandas",
    "pyarrow.dataset",
    "scipy.stats",
    "skops.io",
    "sklearn.compose",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.pipeline",
    "lightgbm",
    "xgboost",
    "audits.checks._explain",
    "audits.checks._groups",
    "audits.checks._quality",
    "audits.checks._scores",
    "audits.checks._second_opinion",
    "audits.checks.scorers",
)


def main() -> None:
    """Entry: `python -m audits.zygote <control-fd>`. Says one byte when it is ready."""
    control = socket.socket(fileno=int(sys.argv[1]))
    for name in PRELOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    control.sendall(b"+")
    serve(control)


def serve(control: socket.socket) -> None:
    """Fork and reap on demand until the owner is gone."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, MESSAGE.size, _MOST_DESCRIPTORS)
        if len(message) < MESSAGE.size:
            return
        command, process = MESSAGE.unpack(message)
        if command == FORK:
            control.sendall(REPLY.pack(_fork(control, descriptors)))
        else:
            control.sendall(REPLY.pack(_reap(process)))


def _fork(control: socket.socket, descriptors: list[int]) -> int:
    process = os.fork()
    if process:
        for descriptor in descriptors:
            os.close(descriptor)
        return process
    # In the child: whatever happens, it must not return into the loop.
    try:
        control.close()
        os.setsid()
        run_job(*descriptors)
    except BaseException:  # noqa: BLE001 - no answer is written, which the owner reports as a crash
        os._exit(1)
    os._exit(0)


def _reap(process: int) -> int:
    """The exit status in the form of `os.waitstatus_to_exitcode`; the owner has killed it before."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    main()
