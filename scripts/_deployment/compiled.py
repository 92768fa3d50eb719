"""Contracts as they are on disk now, for Ape: compiled once for each state of their sources."""

from __future__ import annotations

from ape.contracts import ContractContainer
from ape.managers.project import ProjectManager
from ethpm_types import ContractType

from scripts._deployment.kept import keep, kept, state


def contract(project: ProjectManager, name: str) -> ContractContainer:
    """The contract in `<name>.vy`, wherever below contracts/ that is."""
    sources = state()
    if content := kept(name, sources):
        return ContractContainer(ContractType.model_validate_json(content))
    (source,) = project.contracts_folder.rglob(f"{name}.vy")
    container: ContractContainer = project.load_contracts(source, use_cache=False)[name]
    keep(name, sources, container.contract_type.model_dump_json(by_alias=True))
    return container
