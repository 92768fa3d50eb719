"""The keeper's own file: SQLite, signed bytes on the disk before anybody else gets them."""
