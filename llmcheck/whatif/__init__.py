"""A hypothetical machine from a description: "2x RTX 4090, 64 GB RAM"."""
