"""Which installed packages break each other. Pure: it reads the facts of a machine and the shipped tables."""
