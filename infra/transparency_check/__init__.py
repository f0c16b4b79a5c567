"""`hocba transparency check`: whether the public log is what it says. Shares no line with the code that keeps it."""
