"""Studies of lesson 10."""
