"""A company's approved month as a folder that people open and systems import."""
