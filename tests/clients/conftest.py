from __future__ import annotations

import json

import pytest

from audits.reports.seal import seal_pdf
from registry.keys import Keyring
from tests.clients.desk import Desk, evidence_of, pdf_of


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("desk")
    keyring = Keyring.open(folder / "keys", create=True)
    (folder / "ca.pem").write_bytes(keyring.anchor_pem)
    (folder / "keys.json").write_text(json.dumps(keyring.published_keys()))
    return Desk(folder, keyring, seal_pdf(pdf_of(evidence_of(keyring)), keyring=keyring, reason="Report"))
