"""Dataclasses that are one 256-bit storage word: a declared layout, range checks, packing and unpacking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

WORD_BITS = 256


@dataclass(frozen=True, slots=True)
class Bits:
    """Where a field of a word lies: bits `offset` to `offset + width - 1`; signed ones in two's complement."""

    name: str
    offset: int
    width: int
    signed: bool = False

    @property
    def lowest(self) -> int:
        """The smallest value the field can hold."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def highest(self) -> int:
        """The largest value the field can hold."""
        return (1 << (self.width - 1)) - 1 if self.signed else (1 << self.width) - 1

    def read(self, word: int) -> int:
        """The field's value in `word`."""
        value = word >> self.offset & ((1 << self.width) - 1)
        return value - (1 << self.width) if self.signed and value >> (self.width - 1) else value

    def place(self, value: int) -> int:
        """`value` at its place in an otherwise empty word; it must be in range."""
        return (value & ((1 << self.width) - 1)) << self.offset


def in_range(name: str, value: int, lowest: int, highest: int) -> None:
    """Raise ValueError, naming the field, unless lowest <= value <= highest."""
    if not lowest <= value <= highest:
        raise ValueError(f"{name}: {value} is not within {lowest}..{highest}")


def check_word(name: str, word: int, bits: int = WORD_BITS) -> None:
    """Raise ValueError unless `word` is an unsigned integer that sets no bit at or above `bits`."""
    if word < 0 or word >> bits:
        raise ValueError(f"{name}: {word:#x} is not a word of {bits} bits")


class Word:
    """A storage word whose dataclass fields are named by `LAYOUT`; constructing one checks every range."""

    __slots__ = ()
    LAYOUT: ClassVar[tuple[Bits, ...]] = ()

    def __post_init__(self) -> None:
        for field in self.LAYOUT:
            in_range(f"{type(self).__name__}.{field.name}", getattr(self, field.name), field.lowest, field.highest)

    def pack(self) -> int:
        """The word as the contracts store it."""
        word = 0
        for field in self.LAYOUT:
            word |= field.place(getattr(self, field.name))
        return word

    @classmethod
    def unpack(cls, word: int) -> Self:
        """Read a stored word; ValueError if it sets bits that the layout does not know."""
        check_word(cls.__name__, word, max(field.offset + field.width for field in cls.LAYOUT))
        return cls(**{field.name: field.read(word) for field in cls.LAYOUT})
