"""From a question to scored memories."""
