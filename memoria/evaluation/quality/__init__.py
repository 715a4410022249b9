"""How well recall, forgetting and consolidation do on conversations."""
