"""Stand-ins for outside services, each a process that speaks real HTTP and keeps its own records."""
