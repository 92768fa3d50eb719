"""A sweep: while no keeper runs, any wallet has standing bids take accounts in breach."""

from __future__ import annotations

from keeper.model.auction import PERCENT

from ..events import Event
from .cast import STANDING, STANDING_INTERVAL
from .ground import WAD, Act, Ground

MOST = 8
AT_ONCE = 3
SWEEP_GAS = 4_000_000
REMOVE_GAS = 1_500_000
REST_BLOCKS = 10
"""Blocks after the keeper's return when the backstop takes its bids home."""


class Sweep(Act):
    """The backstop posted its bids before the path began, and is not asked again; a passer-by sweeps."""

    name = "sweep"
    who = "passer-by, bids of backstop"

    def __init__(self, ground: Ground) -> None:
        """No slice was taken yet."""
        super().__init__(ground)
        self._taken: list[Event] = []
        self._removed = False

    def ripe(self) -> list[int]:
        """Accounts that a standing bid would take in the next block, the largest requirement first."""
        found = []
        for account, _, assessment in self.ground.breached():
            reached = self.ground.quote(account, assessment).lambda_now // PERCENT
            width = (assessment.down + assessment.up) * 10**5
            ticks = [tick for tick, _ in STANDING if tick <= reached]
            if not ticks or width > STANDING_INTERVAL * assessment.mm:
                continue
            offer = self.ground.quote(account, assessment, min(WAD, STANDING[0][1] * WAD // assessment.mm), ticks[0])
            if offer.fraction:
                found.append((assessment.mm, account))
        return [account for _, account in sorted(found, reverse=True)]

    def transactions(self) -> list[str]:
        """Sweep while the keeper is down; afterwards the backstop takes what its bids have."""
        auction, wallets = self.ground.contract("Auction"), self.ground.actors.wallets
        if self.ground.down:
            passer = wallets["passer-by"]
            calls = [auction.encode_abi("sweep", [account, MOST]) for account in self.ripe()[:AT_ONCE]]
            return [passer.sign(str(auction.address), data, SWEEP_GAS) for data in calls]
        if self.block is None or self._removed or self.ground.stage.number < self.block + REST_BLOCKS:
            return []
        self._removed = True
        calls = [auction.encode_abi("remove", [number]) for number in self.ground.actors.standing]
        return [wallets["backstop"].sign(str(auction.address), data, REMOVE_GAS) for data in calls]

    def look(self) -> None:
        """Slices that went to standing bids while no keeper ran."""
        bids = set(self.ground.actors.standing.values())
        slices = [event for event in self.ground.events("Taken") if event.args["taker"] in bids]
        if not slices:
            return
        self._taken += slices
        names = sorted({self.called(event.args["account"]) for event in self._taken})
        released = sum(event.args["fraction"] * event.args["requirement"] for event in self._taken) / WAD**2
        gained = sum(
            event.args["fraction"] * event.args["lambda_taker"] * event.args["requirement"] for event in self._taken
        )
        most = max(event.args["lambda_taker"] for event in self._taken) / WAD
        self.happened(
            f"keeper down: {len(self._taken)} slices of {', '.join(names)} taken at λ up to {most:.0%}: "
            f"{released:,.2f} of requirement released for {gained / WAD**3:,.2f}"
        )
