"""The ``posthub`` command. Import-light: what is heavy is imported inside the command that needs it."""
