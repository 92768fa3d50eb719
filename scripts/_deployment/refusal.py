"""Why a deployment or a configuration is refused."""

import click


class Refused(click.ClickException):
    """Nothing was sent after this: the network or a file is not as it must be. The message says what is right."""
