"""Which duties a model falls under, and which of them evidence or people have answered."""
