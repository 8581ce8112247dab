"""What a call is answered with: its value checked and encoded, its response, its stream."""
