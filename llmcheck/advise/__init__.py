"""What to do about a report. Pure: nothing here runs, downloads or looks at the machine again."""
