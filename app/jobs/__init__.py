"""Long work as detached processes that outlive the page, and that any session can watch."""
