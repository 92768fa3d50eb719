"""Deploying and configuring the protocol on a connected network, for the scripts, the demo and the tests alike."""

from scripts._deployment.configuring import configure
from scripts._deployment.deploying import deploy
from scripts._deployment.handing_over import hand_over
from scripts._deployment.parameter_file import load_parameters
from scripts._deployment.parameters import Parameters
from scripts._deployment.record import Record, record_path
from scripts._deployment.refusal import Refused
from scripts._deployment.shutting_down import shut_down

__all__ = [
    "Parameters",
    "Record",
    "Refused",
    "configure",
    "deploy",
    "hand_over",
    "load_parameters",
    "record_path",
    "shut_down",
]
