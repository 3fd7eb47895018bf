"""What is missing and how it is installed. Pure, except for the resolver, which asks pip or uv."""
