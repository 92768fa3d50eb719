"""`python -m scripts.demo`: what `make demo` runs. Settings come as environment variables; docs/demo.md tells them."""

from __future__ import annotations

import os
import sys

from rich.console import Console

from .children import leave_by_interrupt
from .deployer import DeployError
from .driver import run
from .node import NodeError
from .settings import UsageError, read_settings
from .stage import StageError
from .worker import KeeperError

FAILED, MISUSED, INTERRUPTED = 1, 2, 130


def main() -> int:
    """Exit code: 0 passed, 1 failed, 2 asked for something that cannot be, 130 interrupted."""
    leave_by_interrupt()
    console, errors = Console(), Console(stderr=True)
    try:
        outcome, reasons = run(read_settings(os.environ), console)
    except UsageError as error:
        errors.print(str(error), style="red", markup=False, highlight=False)
        return MISUSED
    except (DeployError, NodeError, StageError, KeeperError) as error:
        errors.print(f"{type(error).__name__}: {error}", style="red", markup=False, highlight=False)
        return FAILED
    except KeyboardInterrupt:
        errors.print("interrupted; node and keeper are stopped")
        return INTERRUPTED
    for reason in reasons:
        console.print(f"FAILED: {reason}", style="red", markup=False, highlight=False)
    sys.stdout.write(outcome.to_json() + "\n")
    return FAILED if reasons else 0


if __name__ == "__main__":
    sys.exit(main())
