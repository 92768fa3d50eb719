"""How large each deployed contract is, as one JSON object; `--table` for people. Fails if one exceeds the limit."""

import json
import sys

from scripts.hashes.codes import compile_all

LIMIT = 24_576  # EIP-170


def main() -> None:
    """Print the sizes."""
    sizes = {name: len(code.runtime) + code.immutables for name, code in compile_all().items()}
    if "--table" in sys.argv[1:]:
        print(f"{'contract':<16}{'bytes':>8}{'room':>8}   of {LIMIT}")
        for name, count in sizes.items():
            print(f"{name:<16}{count:>8}{LIMIT - count:>8}")
    else:
        print(json.dumps({"limit": LIMIT, "bytes": sizes, "room": {name: LIMIT - n for name, n in sizes.items()}}))
    if any(count > LIMIT for count in sizes.values()):
        sys.exit(f"over the limit of {LIMIT} bytes")


if __name__ == "__main__":
    main()
