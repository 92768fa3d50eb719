"""Configuration: one file of the operator's, one of the deployer's, both checked before anything else happens."""

from keeper.config.deployment import Deployment, load_deployment
from keeper.config.load import ConfigError, load_config, located
from keeper.config.schema import Config, wad

__all__ = ["Config", "ConfigError", "Deployment", "load_config", "load_deployment", "located", "wad"]
