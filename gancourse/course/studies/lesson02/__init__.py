"""Studies of lesson 02."""
