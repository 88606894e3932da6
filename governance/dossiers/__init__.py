"""Documents that follow the points of a law, prepared from the records and from people's signed answers."""
