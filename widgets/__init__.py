"""What is drawn; knows the domain and the board only."""
