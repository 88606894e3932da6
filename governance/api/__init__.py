"""The REST API. One module a noun; every view parses, calls one verb, and lets `problems` map what went wrong."""
