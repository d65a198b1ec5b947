"""What a person looks at: views, paths, counts, names and exports."""
