"""Studies of lesson 03."""
