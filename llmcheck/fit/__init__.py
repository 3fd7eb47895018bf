"""Does it fit, and how fast: computed from shapes; nothing here touches the machine."""
