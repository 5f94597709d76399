"""Where each branch belongs: evidence, measures, clusters, flags and tags. Pure but for the clustering library; nothing here asks git."""
