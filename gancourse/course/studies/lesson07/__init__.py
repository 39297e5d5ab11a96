"""Studies of lesson 07."""
