"""Studies of lesson 12."""
