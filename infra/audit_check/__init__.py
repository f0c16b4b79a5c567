"""`hocba audit check`: whether the audit is what was written. Shares no line with the code that writes it."""
