"""Views turn values into blocks of text and tables, which the output formats share."""
