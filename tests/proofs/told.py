TOLD = {}
