"""Studies of lesson 08."""
