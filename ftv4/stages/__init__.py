"""The five stages of the pipeline: one module each, and the one table of them."""
