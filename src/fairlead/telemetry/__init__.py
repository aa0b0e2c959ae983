"""What the daemon tells its operators."""
