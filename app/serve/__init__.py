"""What answers over HTTP before the page does: under which names, and to whom."""
