"""The screen Metapaths: typed paths, their counts, and switching them."""
