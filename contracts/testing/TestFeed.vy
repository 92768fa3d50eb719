# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title A price feed with the AggregatorV3 interface whose every answer is set by hand
@license AGPL-3.0-only
@dev Only tests and the demo deploy it.
"""


struct Round:
    round_id: uint80
    answer: int256
    started_at: uint256
    updated_at: uint256
    answered_in_round: uint80


decimals: public(immutable(uint8))

latest: public(Round)
reverting: public(bool)


@deploy
def __init__(decimals_: uint8):
    decimals = decimals_


@external
def push(answer: int256, updated_at: uint256):
    """
    @notice A complete new round.
    """
    id: uint80 = self.latest.round_id + 1
    self.latest = Round(round_id=id, answer=answer, started_at=updated_at, updated_at=updated_at, answered_in_round=id)


@external
def set_round(round_id: uint80, answer: int256, started_at: uint256, updated_at: uint256, answered_in_round: uint80):
    """
    @notice Any round at all, incomplete or nonsensical ones included.
    """
    self.latest = Round(
        round_id=round_id,
        answer=answer,
        started_at=started_at,
        updated_at=updated_at,
        answered_in_round=answered_in_round,
    )


@external
def set_reverting(reverting: bool):
    self.reverting = reverting


@external
@pure
def version() -> uint256:
    return 1


@external
@pure
def description() -> String[32]:
    return "Test feed"


@external
@view
def latestRoundData() -> (uint80, int256, uint256, uint256, uint80):
    assert not self.reverting, "feed: out of order"
    latest: Round = self.latest
    return latest.round_id, latest.answer, latest.started_at, latest.updated_at, latest.answered_in_round
