"""The keeper's own file: SQLite, every commit on the disk before the next step."""
