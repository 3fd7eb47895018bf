"""What is written to JSON, and read from it: frozen values, documented field by field."""
