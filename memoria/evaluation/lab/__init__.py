"""The policy lab: traces replayed under policies and budgets."""
