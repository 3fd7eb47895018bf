"""Whatever a file holds, the command ends with one of its codes, and nothing in its output steers a terminal."""
