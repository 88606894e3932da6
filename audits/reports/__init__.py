"""Reports: one frozen document value, drawn as HTML and PDF and exported in other formats."""
