"""The ledger, the journal and everything that counts money."""

from store.statements import Statements

sql = Statements(__name__)
