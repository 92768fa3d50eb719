"""What a deployer runs, and the demo. `ape run` lists the modules here; those that begin with _ are libraries."""
