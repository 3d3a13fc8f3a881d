"""The LangGraph server's wall: who may ask, from where, and for what."""
