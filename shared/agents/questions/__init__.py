"""Questions to the person: how a run ends with one, and how the answer finds it again."""
