"""What the output formats share: values as blocks of text and tables."""
