"""How large each deployed contract is, as one JSON object; `--table` for people. Fails if one exceeds the limit."""

import json
import subprocess
import sys
from pathlib import Path

LIMIT = 24_576  # EIP-170
CONTRACTS = Path(__file__).parent.parent / "contracts"


def immutables(layout: dict) -> int:
    """Bytes that the compiler appends to the code for immutables, those of modules included."""
    if "offset" in layout and "length" in layout:
        return layout["offset"] + layout["length"]
    return max((immutables(part) for part in layout.values() if isinstance(part, dict)), default=0)


def size(path: Path) -> int:
    """Bytes of a contract's code on chain, by this environment's compiler."""
    vyper = Path(sys.executable).with_name("vyper")
    command = [vyper, "-f", "bytecode_runtime,layout", path.relative_to(CONTRACTS.parent)]
    done = subprocess.run(command, cwd=CONTRACTS.parent, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{path.name}: {done.stderr.strip()}")
    code, layout = done.stdout.strip().splitlines()
    return len(code.removeprefix("0x")) // 2 + immutables(json.loads(layout).get("code_layout", {}))


def main() -> None:
    """Print the sizes."""
    sizes = {path.stem: size(path) for path in sorted(CONTRACTS.glob("*.vy"))}
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
