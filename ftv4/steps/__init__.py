"""The journey, one module a step; everything a command does beyond arguments and rendering."""
