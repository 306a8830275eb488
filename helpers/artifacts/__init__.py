"""What a run leaves: who writes each file, who reads it, and the record of how it was made."""
