"""Studies of lesson 09."""
