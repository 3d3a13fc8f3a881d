"""The pages of the package: self-contained, without network."""
