"""The pages where people read and decide. They are served under a strict content security policy (see `access`)."""
