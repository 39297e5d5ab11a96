"""Studies of lesson 04."""
