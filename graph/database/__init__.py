"""The graph in a database that speaks openCypher: written, read back, and asked.

The database is Ladybug (`pip install 'autograph-rec[cypher]'`, the module `ladybug`): it needs no
server, keeps a graph in one file by columns, reads Parquet in bulk, and is the maintained successor
of Kuzu, which was archived in 2025.
"""
