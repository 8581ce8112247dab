"""From a file tree to routes: scan, read the config literal, import, compile, prove, quarantine."""
