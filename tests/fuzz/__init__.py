"""Bad and hostile input of every kind: one line and status 2, or a listed file; nothing executed, nothing outside."""
