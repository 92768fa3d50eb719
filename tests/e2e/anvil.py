"""A chain of one's own: anvil on a free loopback port, blocks only when mined by hand."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import requests

ROOT = Path(__file__).parents[2]
START = 1_800_000_000
MNEMONIC = "test test test test test test test test test test test junk"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Anvil:
    """Blocks are mined automatically until `hold()`, afterwards by `mine()` with a chosen timestamp."""

    def __init__(self, options: Sequence[str] = (), state: Path | None = None) -> None:
        self._options = list(options)
        self._state = state
        self._start = START
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.held = False
        self._session = requests.Session()
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        binary = shutil.which("anvil", path=str(ROOT / ".venv" / "bin")) or shutil.which("anvil")
        assert binary is not None, "anvil is not installed: run `make setup`"
        command = [binary, "--host", "127.0.0.1", "--port", str(self.port), "--timestamp", str(self._start)]
        command += ["--state", str(self._state)] if self._state else []
        command += ["--base-fee", "1000000000", "--mnemonic", MNEMONIC, "--gas-limit", "100000000", *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("Listening on"):
                break
        else:
            raise AssertionError("anvil ended before it listened")
        # What it prints later must not fill the pipe.
        threading.Thread(target=self._process.stdout.read, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def restart(self, *, anew: bool = False) -> None:
        """End the process, and begin another at the same port: from the state that it left, or as another chain."""
        assert self._state is not None, "a chain without a state file has nothing to begin from"
        self.__exit__()
        if anew:
            self._state.unlink()
            self._start += 1
        self._session, self.held = requests.Session(), False
        self.__enter__()

    def call(self, method: str, *params: Any) -> Any:
        answer = self.post(method, *params)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def post(self, method: str, *params: Any) -> dict[str, Any]:
        """The whole answer, which may be an error."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer: dict[str, Any] = self._session.post(self.url, json=body, timeout=60).json()
        return answer

    def batch(self, method: str, calls: Sequence[list[Any]]) -> list[Any]:
        """The results of one method with each of these parameters, asked for together."""
        if not calls:
            return []
        body = [
            {"jsonrpc": "2.0", "id": place, "method": method, "params": params} for place, params in enumerate(calls)
        ]
        answers = self._session.post(self.url, json=body, timeout=60).json()
        assert all("error" not in answer for answer in answers), f"{method}: {answers}"
        return [answer["result"] for answer in sorted(answers, key=lambda answer: answer["id"])]

    def hold(self) -> None:
        self.call("evm_setAutomine", False)
        self.held = True

    def mine(self, seconds: int = 2) -> dict[str, Any]:
        """The next block, so much later than the last one."""
        self.call("evm_setNextBlockTimestamp", self.head()["time"] + seconds)
        self.call("evm_mine")
        return self.block("latest")

    def block(self, name: str) -> dict[str, Any]:
        block: dict[str, Any] = self.call("eth_getBlockByNumber", name, True)
        return block

    def head(self) -> dict[str, Any]:
        block = self.call("eth_getBlockByNumber", "latest", False)
        return {"number": int(block["number"], 16), "time": int(block["timestamp"], 16), "hash": block["hash"]}
