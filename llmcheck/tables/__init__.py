"""One row type for each shipped table. No functions: the modules that use a row interpret it."""
