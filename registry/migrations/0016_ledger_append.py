"""PostgreSQL appends to the ledger in one call, so that the head is locked for one way there and back."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# What `registry.merkle.append_nodes` computes, over the rows themselves. VOLATILE, as it is by default: after the wait
# for the head every statement sees what those before it in the line have committed.
FUNCTION = r"""
CREATE OR REPLACE FUNCTION assay_append_entry(entry_body bytea, leaf bytea, entry_event text, entry_subject text)
RETURNS bigint AS $$
DECLARE
    entry_index bigint;
    node_level integer := 0;
    node_position bigint;
    sibling bytea;
    current bytea := leaf;
BEGIN
    INSERT INTO registry_ledgerhead AS head (id, size) VALUES (1, 1)
        ON CONFLICT (id) DO UPDATE SET size = head.size + 1 RETURNING size - 1 INTO entry_index;
    INSERT INTO registry_ledgerentry (index, body, leaf_hash, event, subject)
        VALUES (entry_index, entry_body, leaf, entry_event, entry_subject);
    node_position := entry_index;
    LOOP
        INSERT INTO registry_ledgernode (level, position, hash) VALUES (node_level, node_position, current);
        EXIT WHEN node_position & 1 = 0;
        SELECT hash INTO sibling FROM registry_ledgernode
            WHERE level = node_level AND position = node_position - 1;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'Node %/% of the ledger is missing.', node_level, node_position - 1
                USING ERRCODE = 'data_corrupted';
        END IF;
        current := sha256('\x01'::bytea || sibling || current);
        node_level := node_level + 1;
        node_position := node_position >> 1;
    END LOOP;
    RETURN entry_index;
END;
$$ LANGUAGE plpgsql;
"""
DROP = "DROP FUNCTION IF EXISTS assay_append_entry(bytea, bytea, text, text)"


def install(_apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(FUNCTION, params=None)  # its percent signs are not placeholders


def remove(_apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(DROP)


class Migration(migrations.Migration):
    dependencies = [("registry", "0015_lineage_node_indexes")]

    operations = [migrations.RunPython(install, remove, elidable=False)]
