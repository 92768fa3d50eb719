"""Which lines of the contracts and their modules the tests execute."""
