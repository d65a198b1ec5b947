"""What several screens share: the frame, choices in links, colours, opened results."""
