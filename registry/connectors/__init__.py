"""Readers of what other tools say about lineage, one module each: text in, statements about the graph out.

A reader knows no database, so that the graph can be built anew from the kept texts at any time.
"""
