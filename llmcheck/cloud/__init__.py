"""Cloud offers, judged like any other machine, and rental costs."""
