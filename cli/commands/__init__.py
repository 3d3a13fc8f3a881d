"""One subject a file: the commands of ``posthub``."""
