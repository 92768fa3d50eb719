"""Bid models: when an offer is taken. Small classes with one method, chosen by name in the configuration.

A Dutch auction pays more the longer nobody else bids; a model says when waiting has paid enough. Others can be added
from outside as entry points of the group `keeper.bid_models`: a class made from the [bid] table.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Protocol

from keeper.config import ConfigError, wad
from keeper.config.schema import BidSection
from keeper.decide.offer import Offer
from keeper.model.rounding import BPS, WAD

GROUP = "keeper.bid_models"


class BidModel(Protocol):
    """When to take an offer."""

    def takes(self, offer: Offer, fraction: int) -> bool:
        """Whether to bid now for this fraction (WAD), which the taker can carry."""
        ...


class Threshold:
    """As soon as profit reaches both a sum and a share of the requirement released."""

    def __init__(self, bid: BidSection) -> None:
        self._profit = wad(bid.min_profit)
        self._return_bps = bid.min_return_bps

    def takes(self, offer: Offer, fraction: int) -> bool:
        """As of BidModel."""
        profit = offer.profit(fraction)
        return profit >= self._profit and profit * BPS >= self._return_bps * offer.requirement(fraction)


class TargetLambda(Threshold):
    """As Threshold, but not before λ is at a chosen height, or cannot rise for this account any more."""

    def __init__(self, bid: BidSection) -> None:
        super().__init__(bid)
        self._target = bid.target_lambda_bps * WAD // BPS

    def takes(self, offer: Offer, fraction: int) -> bool:
        """As of BidModel."""
        spent = offer.quote.lambda_now > offer.quote.lambda_account
        reached = offer.quote.lambda_taker >= self._target
        return (reached or spent or offer.slope == 0) and super().takes(offer, fraction)


class Hazard(Threshold):
    """Waits while what λ gains in a second outweighs the chance η that a rival takes it in that second.

    P(still there) = e^(-ηt), so P·profit is largest where profit' = η·profit.
    """

    def __init__(self, bid: BidSection) -> None:
        super().__init__(bid)
        self._rate = bid.hazard_per_second

    def takes(self, offer: Offer, fraction: int) -> bool:
        """As of BidModel."""
        gain = 0
        if offer.quote.lambda_now == offer.quote.lambda_taker:
            gain = offer.slope * offer.quote.mm // WAD * fraction // WAD
        return gain <= self._rate * offer.profit(fraction) and super().takes(offer, fraction)


BUILT_IN: dict[str, type[Threshold]] = {"threshold": Threshold, "target_lambda": TargetLambda, "hazard": Hazard}


def bid_model(bid: BidSection) -> BidModel:
    """The model of this name. Raises ConfigError naming those there are."""
    if bid.model in BUILT_IN:
        return BUILT_IN[bid.model](bid)
    found = {point.name: point for point in entry_points(group=GROUP)}
    if bid.model not in found:
        raise ConfigError(f"bid.model: {bid.model!r} is unknown; allowed: {', '.join(sorted({*BUILT_IN, *found}))}")
    model: BidModel = found[bid.model].load()(bid)
    return model
