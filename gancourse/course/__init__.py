"""What makes the package a course: its lessons, how long they run, what they claim, and their long studies."""
