"""How the demo model was made: scenes drawn by a program, their captions, the training, and a judge of the result."""
