"""Studies of lesson 11."""
