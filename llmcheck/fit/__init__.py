"""Does it fit, and how fast: computed from shapes, never asked of the machine."""
