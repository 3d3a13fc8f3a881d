"""The ledger, the journal and everything that counts money."""
