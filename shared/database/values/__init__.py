"""What goes into statements and comes out of them."""
