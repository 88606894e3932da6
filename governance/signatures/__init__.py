"""How people prove who they are when they sign: passwords, one-time codes, security keys."""
