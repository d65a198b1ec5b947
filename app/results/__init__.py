"""What came of it: tables, comparisons, reports, demonstrations, and what to be careful of."""
