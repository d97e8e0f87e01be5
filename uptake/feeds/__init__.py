"""Where data come from. In: files and folders; out: feeds, and chunks of whole records."""
