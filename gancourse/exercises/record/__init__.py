"""What a student has passed, in a small file: what stands in it, where it lies, who writes it and who reads it."""
