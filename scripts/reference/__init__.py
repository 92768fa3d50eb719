"""Pages that say what the compiler knows: who may call what, what is refused and how, where storage lies."""
