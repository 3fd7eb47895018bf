"""Plans the installation of missing libraries. Pure, except for the resolver, which runs pip or uv."""
