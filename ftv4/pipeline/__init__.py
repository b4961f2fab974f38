"""From a business's records to a decision: packs → buckets → stage inputs → outputs, for any model."""
