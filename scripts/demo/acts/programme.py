"""The acts in their order, played beside the path."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .flash import Flash
from .ground import Act, Ground, Told
from .hedge import Unwind
from .loss import SharedLoss
from .matching import Match
from .sweeping import Sweep


class Programme:
    """Asks each act for its transactions before a block, and shows each the block afterwards."""

    def __init__(self, ground: Ground, say: Callable[[str], None]) -> None:
        """`say` tells people what has happened."""
        self._ground = ground
        self._say = say
        self._sweep = Sweep(ground)
        self._acts: Sequence[Act] = (Match(ground), self._sweep, Flash(ground), Unwind(ground), SharedLoss(ground))

    def transactions(self, step: int, *, down: bool) -> list[str]:
        """What the actors send for the block of that step; `down`: no keeper runs just now."""
        self._ground.step, self._ground.down = step, down
        return [raw for act in self._acts for raw in act.transactions()]

    def look(self) -> None:
        """Take in the block that was mined. An act is told of once here; what more comes of it is in `told`."""
        for act in self._acts:
            before = act.block
            act.look()
            if before is None and act.block is not None:
                self._say(f"block {act.block}: {act.name} ({act.who}): {act.what}")

    @property
    def can_sweep(self) -> bool:
        """A standing bid would take something in the next block."""
        return bool(self._sweep.ripe())

    @property
    def told(self) -> list[Told]:
        """Each act as it stands."""
        return [act.told for act in self._acts]
