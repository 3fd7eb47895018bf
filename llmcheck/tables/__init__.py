"""One row type for each shipped table. No functions: what a row means is decided where it is used."""
