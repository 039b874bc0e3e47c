"""Everything that turns chapters into a book; none of it computes a number of the study."""
