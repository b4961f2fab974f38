"""Makes the data that no real business has to give: packs, and a curator who approves."""
