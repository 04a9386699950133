"""The room for everything that is kept: Postgres, its tables, the durable journal, blobs, the embedded server."""
