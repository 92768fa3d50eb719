# pragma version ~=0.4.3
"""
@title Timelock: the owner of every other contract, whose acts all are seen before they count
@custom:contract-name Timelock
@license AGPL-3.0-only
@notice A proposer schedules calls, an executor carries them out once the delay has passed, a canceller (every proposer
        is one) takes them back before. It has no admin: roles and delay change by calls that it has scheduled to itself.
@dev What is here is snekmate's; a face without native tokens' receivers, as it holds nothing.
"""
from snekmate.auth import access_control
from snekmate.governance import timelock_controller

initializes: access_control
initializes: timelock_controller[access_control := access_control]

exports: (
    timelock_controller.PROPOSER_ROLE,
    timelock_controller.EXECUTOR_ROLE,
    timelock_controller.CANCELLER_ROLE,
    timelock_controller.DEFAULT_ADMIN_ROLE,
    timelock_controller.hasRole,
    timelock_controller.getRoleAdmin,
    timelock_controller.grantRole,
    timelock_controller.revokeRole,
    timelock_controller.renounceRole,
    timelock_controller.get_timestamp,
    timelock_controller.get_minimum_delay,
    timelock_controller.is_operation,
    timelock_controller.is_operation_pending,
    timelock_controller.is_operation_ready,
    timelock_controller.is_operation_done,
    timelock_controller.hash_operation,
    timelock_controller.hash_operation_batch,
    timelock_controller.schedule,
    timelock_controller.schedule_batch,
    timelock_controller.cancel,
    timelock_controller.execute,
    timelock_controller.execute_batch,
    timelock_controller.update_delay,
)

_LONGEST: constant(uint256) = 30 * 86_400


@deploy
def __init__(delay: uint256, proposers: DynArray[address, 255], executors: DynArray[address, 255]):
    """
    @notice Fixes who may do what at first.
    @param delay Seconds between scheduling and carrying out, at most 30 days.
    @param proposers Who may schedule and cancel; at least one.
    @param executors Who may carry out; the zero address: anybody.
    """
    assert delay <= _LONGEST, "timelock: delay out of range"
    assert len(proposers) != 0 and len(executors) != 0, "timelock: nobody to act"
    for proposer: address in proposers:
        assert proposer != empty(address), "timelock: zero address"
    access_control.__init__()
    timelock_controller.__init__(delay, proposers, executors, empty(address))
