"""The database: engine and transactions, tables, migrations. Nothing here knows what a punch means."""
