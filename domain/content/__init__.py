"""What content is: its parts, its rules, and how it is measured."""
