"""titanoboa on revm: the same contracts and calls, some fifty times faster than on the EVM written in Python.

Twenty thousand operations take minutes of py-evm's time and seconds of revm's. What is lost is titanoboa's tracing: a
failed call has its revert data and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boa
import pyrevm
from boa.environment import Env
from boa.util.abi import Address
from boa.vm.gas_meters import NoGasMeter
from boa.vm.py_evm import PyEVM
from eth._utils.address import generate_contract_address
from eth_utils.address import to_canonical_address

GAS = 10**9
REVERT_DATA = re.compile(r"output: 0x([0-9a-fA-F]*)")


class Outcome:
    """What titanoboa asks of a computation, from revm's result."""

    _gas_meter_class = NoGasMeter
    beneficiaries: tuple[()] = ()

    def __init__(self, output: bytes, error: Exception | None, logs: list[Any]) -> None:
        self.output = output
        self.error = error
        self.is_error = error is not None
        self.is_success = error is None
        self._logs = logs

    def get_log_entries(self) -> list[tuple[bytes, tuple[int, ...], bytes]]:
        """Address, topics and data of each log, in order."""
        return [
            (to_canonical_address(log.address), tuple(int(topic, 16) for topic in log.topics), bytes(log.data[1]))
            for log in self._logs
        ]


class Revm(PyEVM):
    """titanoboa's EVM with its state and its execution in revm; clock and chain id stay where titanoboa sets them."""

    def __init__(self, env: Env) -> None:
        super().__init__(env)
        self.revm = pyrevm.EVM()

    def _next_transaction(self) -> None:
        self.revm.set_block_env(pyrevm.BlockEnv(number=1, timestamp=self.patch.timestamp, gas_limit=GAS, basefee=0))
        self.revm.reset_transient_storage()

    def get_code(self, address: Address) -> bytes:
        return self.revm.get_code(str(address)) or b""

    def snapshot(self) -> Any:
        return self.revm.snapshot()

    def revert(self, snapshot_id: Any) -> None:
        self.revm.revert(snapshot_id)

    def generate_create_address(self, sender: Address) -> Address:
        nonce = self.revm.basic(str(sender)).nonce
        return Address(generate_contract_address(sender.canonical_address, nonce))

    def deploy_code(self, sender: Address, bytecode: bytes, **_: Any) -> Outcome:
        self._next_transaction()
        address = self.revm.deploy(deployer=str(sender), code=bytecode)
        return Outcome(self.get_code(address), None, self.revm.result.logs)

    def execute_code(self, sender: Address, to: Address, data: bytes, is_static: bool, **_: Any) -> Outcome:
        self._next_transaction()
        try:
            output = self.revm.message_call(str(sender), str(to), calldata=data, gas=GAS, is_static=is_static)
        except RuntimeError as error:
            found = REVERT_DATA.search(str(error))
            return Outcome(bytes.fromhex(found[1]) if found else b"", error, [])
        return Outcome(bytes(output), None, self.revm.result.logs)


@contextmanager
def fresh_chain() -> Iterator[None]:
    """A new chain on revm, for as long as the context lasts."""
    env = Env()
    env.evm = Revm(env)
    with boa.swap_env(env):
        yield
