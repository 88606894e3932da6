"""The embedded broker's messages as whole files: a worker never meets one that is still being written.

Kombu's filesystem transport opens a message under its final name and fills it afterwards. A worker that looks in
between takes an empty file, ends on it, and the message is lost. Here a message gets its name when it is complete.
"""

from __future__ import annotations

import logging
import uuid
from pathlib import Path
from time import monotonic
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps

logger = logging.getLogger(__name__)


def use_whole_messages() -> None:
    """Let `filesystem://` mean the transport below, in this process."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"


class Channel(filesystem.Channel):
    """Messages that appear in the folder complete, or not at all."""

    def _put(self, queue: Any, payload: Any, **_options: Any) -> None:  # type: ignore[override]
        # The name sorts by age, as the transport expects; until the last step it ends otherwise and nobody takes it.
        name = f"{round(monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        whole = Path(self.data_folder_out, name)
        written = whole.with_name(f"{name}.part")
        written.write_bytes(dumps(payload).encode())  # type: ignore[no-untyped-call]
        written.replace(whole)

    def _get(self, queue: Any, timeout: Any = None) -> Any:  # noqa: ARG002  (the typing stubs ask for it)
        """The oldest message that can be read; one that cannot (a full disk, a power cut) is told and passed over.

        Nothing is lost by it: what is due stands in the database, and the sweep sends it again.
        """
        while True:
            try:
                return super()._get(queue)  # type: ignore[no-untyped-call]
            except ValueError:  # no JSON, or no text at all
                logger.warning("a message of queue %s could not be read and was passed over", queue)


class Transport(filesystem.Transport):
    """`filesystem://` with the channel above."""

    Channel = Channel
