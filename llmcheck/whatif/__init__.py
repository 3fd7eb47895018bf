"""A machine in words: "2x RTX 4090, 64 GB RAM"."""
