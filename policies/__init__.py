"""How memories fade: one published model per file, citation on top."""

from __future__ import annotations

from memoria.policies.actr import ActR
from memoria.policies.baselines import Belady, Fifo, Lfu, Lru, Never, Random
from memoria.policies.disuse import Disuse
from memoria.policies.downscaling import Downscaling
from memoria.policies.exponential import Exponential
from memoria.policies.fsrs import FSRS6
from memoria.policies.generative_agents import GenerativeAgents
from memoria.policies.interference import Interference
from memoria.policies.model import Model
from memoria.policies.operators import Faster, Floor, Protect
from memoria.policies.power_law import PowerLaw
from memoria.policies.replay import PrioritisedReplay
from memoria.policies.salience import Salience
from memoria.policies.savings import Savings

__all__ = [
    "FSRS6",
    "ActR",
    "Belady",
    "Disuse",
    "Downscaling",
    "Exponential",
    "Faster",
    "Fifo",
    "Floor",
    "GenerativeAgents",
    "Interference",
    "Lfu",
    "Lru",
    "Model",
    "Never",
    "PowerLaw",
    "PrioritisedReplay",
    "Protect",
    "Random",
    "Salience",
    "Savings",
]
