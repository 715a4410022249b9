"""All rules for English text: sentences, cues of change, facts and questions."""
