"""The graph in a database that speaks openCypher: written, read back, and asked.

The database is Ladybug (`pip install 'autograph-rec[cypher]'`, the module `ladybug`), the maintained
successor of Kuzu: embedded, one file, columnar, and it reads Parquet in bulk. Of the others that
need no server, Kuzu itself has been archived, and GraphQLite, on SQLite, keeps a row a property.
"""
