"""One file, one thing of the desktop: hotkeys, each system's own way. Nothing here is imported before it is needed."""
