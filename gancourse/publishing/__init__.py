"""From notebooks to pages, editions, slides and files to ship. The notebooks never import it."""
