"""The five review points. A review node asks, records what was decided, and says who works next."""

from nodes.review.packages import ReviewPackages
from nodes.review.people import ReviewDna, ReviewPersonas
from nodes.review.texts import ReviewPosts, ReviewTopics

__all__ = ["ReviewDna", "ReviewPackages", "ReviewPersonas", "ReviewPosts", "ReviewTopics"]
