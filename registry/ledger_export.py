"""The whole ledger as one zip in the layout of C2SP tlog-tiles: signed head, entries, hashes, and the keys."""

from __future__ import annotations

import json
import zipfile
from typing import IO

from registry import key_history, ledger, tiles
from registry.models import Checkpoint


def write_export(stream: IO[bytes]) -> Checkpoint:
    """Write the zip; a head is signed first when entries came since the last one. Answers with that head.

    Memory is that of one tile. Entries hold no personal text, so the file needs no secrecy for people's sake.
    """
    checkpoint = ledger.publish_checkpoint()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("checkpoint", checkpoint.note)
        packed.writestr("keys.json", json.dumps(key_history.published_keys(), indent=1))
        for name in tiles.names(checkpoint.size):
            packed.writestr(f"tile/entries/{name.path}", tiles.entry_bundle(name))
        for level in range(tiles.MAX_LEVEL + 1):
            for name in tiles.names(checkpoint.size, level):
                packed.writestr(f"tile/{level}/{name.path}", tiles.hash_tile(level, name))
    return checkpoint
