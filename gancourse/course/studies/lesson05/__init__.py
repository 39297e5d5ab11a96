"""Studies of lesson 05."""
