"""Facts of a machine by their path: read, compared with what a profile states, and judged over all that is unknown.

Pure: nothing is evaluated as code. A path becomes steps, an operator a function, a pattern an automaton.
"""
