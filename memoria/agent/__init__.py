"""The agent: it recalls, builds a prompt, asks the model, remembers both sides, and sleeps when idle."""

from memoria.agent.exchange import Answer, Reply
from memoria.agent.loop import Agent
from memoria.agent.notices import Notice

__all__ = ["Agent", "Answer", "Notice", "Reply"]
