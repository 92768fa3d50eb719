"""The `keeper` command."""

from keeper.cli.app import app

__all__ = ["app"]
