"""The command line: `app` joins one module a command; nothing heavy is imported before a command runs."""
