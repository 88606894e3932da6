"""Law and standards as dated facts, one file a framework."""
