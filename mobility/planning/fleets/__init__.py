"""What stands about to be rented, as a search takes it."""
