"""What runs have made, what people decided, and whose it is."""

from store.statements import Statements

sql = Statements(__name__)
