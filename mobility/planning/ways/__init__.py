"""Ways through the streets, estimated or imported: how long, how far, and their course."""
