"""The paper's tables and figures beside ours, from rows to sheets."""
