"""Broken twins: a module of the model with one text replaced, on which a proof must find a counterexample."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from types import ModuleType
from typing import Any

_NUMBER = count()


def broken(module: ModuleType, old: str, new: str) -> ModuleType:
    """A copy of `module` in which `old`, which must stand there exactly once, is `new`."""
    source = inspect.getsource(module)
    if (found := source.count(old)) != 1:
        raise ValueError(f"{module.__name__}: {old!r} stands there {found} times, not once")
    name = f"{module.__name__}_broken_{next(_NUMBER)}"
    spec = importlib.util.spec_from_loader(name, loader=None)
    assert spec is not None
    twin = importlib.util.module_from_spec(spec)
    twin.__package__ = module.__package__
    # Dataclasses look their module up by name.
    sys.modules[name] = twin
    exec(compile(source.replace(old, new), name, "exec"), twin.__dict__)
    return twin


@contextmanager
def without(module: ModuleType, **replaced: Any) -> Iterator[None]:
    """`module` with some of its names standing for other things, until the context ends."""
    kept = {name: getattr(module, name) for name in replaced}
    module.__dict__.update(replaced)
    try:
        yield
    finally:
        module.__dict__.update(kept)
