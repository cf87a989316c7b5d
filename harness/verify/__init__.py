"""All judgement: a pure function from what should be and what was seen to findings and a verdict."""
