"""One file of data for each provider, and one of code for each wire format of its own; see ``registry``."""
