"""All rules over English, behind one door: sentences, cues of change, facts and questions."""
