"""The screens of the page, a file each, which join what is computed with how it is drawn."""
