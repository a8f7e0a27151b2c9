"""What is kept: rows in a database, one file a turn, artifacts by content."""
