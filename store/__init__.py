"""The one store: schema, migrations, and one file of statements per noun. The only SQL, the only `sqlalchemy`."""
