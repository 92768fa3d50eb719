"""How the book's inner loops become machine code, and where that code is kept between runs."""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

Work = TypeVar("Work", bound=Callable[..., Any])
_LOOSE = {"reassoc", "contract"}
_SOURCES = ("native.py", "rows.py", "line.py")
"""Files with compiled functions: one that calls into another is kept for both as they are."""


def _kept() -> str:
    """A folder of ours for these sources; what lies there is run, so it is never one that others may write to."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        return given
    digest = hashlib.sha256(numba.__version__.encode())
    for name in _SOURCES:
        digest.update(Path(__file__).with_name(name).read_bytes())
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        folder = (Path(base) if base else Path.home() / ".cache") / "plimsoll" / digest.hexdigest()[:16]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid == os.getuid() and os.access(folder, os.W_OK):
            return str(folder)
    except (OSError, RuntimeError):  # no home, or one that is only read
        pass
    alone = tempfile.mkdtemp(prefix="plimsoll-")
    atexit.register(shutil.rmtree, alone, ignore_errors=True)
    return alone


numba.config.CACHE_DIR = _kept()


def compiled(work: Work) -> Work:
    """Machine code without Python's lock, kept between runs; its arguments' types are those of the first call."""
    return numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_LOOSE)(work)


def inlined(work: Work) -> Work:
    """The same, written out where compiled code uses it: a call would hand over each array of the columns anew, which
    for one row takes half as long as its work.
    """
    return numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_LOOSE, inline="always")(work)


@intrinsic
def lowest(_: Any, word: Any) -> Any:
    """The number of the lowest set bit of a word that is not 0, as uint64."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), code


@intrinsic
def ones(_: Any, word: Any) -> Any:
    """How many bits are set, as uint64."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), code


@intrinsic
def ask(_: Any, array: Any, row: Any) -> Any:
    """Have the first element of this row of a two-dimensional array fetched; the program does not wait for it."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole = context.make_array(array)(context, builder, arguments[0])
        at = context.cast(builder, arguments[1], row, types.intp)
        pointer = cgutils.get_item_pointer(context, builder, array, whole, [at, at.type(0)])
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [pointer, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(array, row), code
