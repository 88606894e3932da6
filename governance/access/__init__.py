"""Who may see and do what: roles, those who stand in, sight of models, sessions, tokens."""
