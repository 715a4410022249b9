"""The agent: recall, prompt, model, remember, and sleep when idle."""

from memoria.agent.exchange import Answer, Reply
from memoria.agent.loop import Agent

__all__ = ["Agent", "Answer", "Reply"]
