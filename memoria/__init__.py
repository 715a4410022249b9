"""memoria: the memory of an agent, which forgets exactly when told to.

>>> import memoria
>>> from memoria.testing import HashEmbedder
>>> with memoria.open(":memory:", embedder=HashEmbedder()) as memory:
...     ada = memory.namespace("app", "ada")
...     tea = ada.remember("Ada takes her tea without sugar.", subject="ada")
...     ada.recall("tea", k=1)[0].memory == tea
...     len(ada.forget(subject="ada").forgotten)
True
1

Nothing heavy is imported here: torch and faiss load on first use.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from memoria import errors, types
from memoria.errors import *  # noqa: F403 - the whole error tree is public
from memoria.types import *  # noqa: F403 - so are the types
from memoria.version import __version__

if TYPE_CHECKING:
    from memoria import aio, models, policies, stores, testing
    from memoria.access.sight import Roles
    from memoria.agent import Agent, Answer, Notice, Reply
    from memoria.agent.asked import Allowed, Asked, Confirm
    from memoria.agent.doubts import OnDoubt
    from memoria.agent.extract import Extractor
    from memoria.aio import AsyncAgent, AsyncMemoria, Opening
    from memoria.arrays import Vectors
    from memoria.audience import Audience
    from memoria.change.choosing import Choice
    from memoria.change.reconcile import Phrases
    from memoria.change.sleep import Dream, Night, Sleeper
    from memoria.derived.gist import Writer as GistWriter
    from memoria.derived.lineage import Lineage
    from memoria.distill.answered import Answered, AnswerSource
    from memoria.distill.audit import Audit
    from memoria.distill.base import WeightDtype
    from memoria.distill.dataset import ExampleWriter
    from memoria.distill.learn import Chooser, Learnt
    from memoria.distill.model import DistilledModel
    from memoria.distill.recipe import Recipe, ShardKind, TrainingTarget
    from memoria.embedders import EmbedderLike
    from memoria.engine.arguments import Amendment, Asking, DraftFields, Filters, Include
    from memoria.engine.change import DetectorLike, DetectorName, SleepOptions
    from memoria.engine.learning import LearnOptions
    from memoria.engine.memory import Memoria
    from memoria.engine.opening import Behaviour, Mode, open  # noqa: A004 - memoria.open is the public name
    from memoria.engine.people import PersonOptions
    from memoria.engine.view import Clock, IdLike, JudgeLike, PolicyLike
    from memoria.engine.weights import ModelPath
    from memoria.extraction.learning import Dropped, Lesson, Reason
    from memoria.extraction.said import MessageLike
    from memoria.forget.due import Erasure
    from memoria.forget.erase import Guard
    from memoria.forget.residue import Find, Residue
    from memoria.forget.shorten import Shortening
    from memoria.metadata import Scalar
    from memoria.models import ModelLike
    from memoria.models.chat import ChatModel, Drawn, Message, Piece, Role, Tool, ToolCall
    from memoria.proof.chain import Keyring
    from memoria.proof.checking import LedgerCheck
    from memoria.proof.keys import Signer, SigningKey
    from memoria.proof.lines import Entered, Line
    from memoria.protocols import (
        ConsolidationPolicy,
        DecayPolicy,
        Detector,
        Embedder,
        Generator,
        Judge,
        KeyWrapper,
        Progress,
        Store,
    )
    from memoria.recall.context import CountTokens
    from memoria.recall.need import Need
    from memoria.recall.rerank import Rerank
    from memoria.remember import Draft
    from memoria.retention.allocate import Allocation, Share
    from memoria.retention.counting import BudgetUnit
    from memoria.retention.explain import EndedBy, Kept, KeptState, SalienceFeature
    from memoria.retention.fit import Fit
    from memoria.retention.prune import Pruning
    from memoria.retention.reinforce import Reinforcing
    from memoria.retention.restriction import Restriction
    from memoria.retention.windows import SalienceLike
    from memoria.sharing import Shared
    from memoria.standing.judging import StandingJudge
    from memoria.standing.orders import OnMatch, StandingOrder
    from memoria.stores.guardkey import GuardKeyLike
    from memoria.stores.wrapping import KeyFile, KeyringEntry, KeyVariable, Passphrase, UnlockLike
    from memoria.subject.dossier import Dossier
    from memoria.subject.entries import Decision as DossierDecision
    from memoria.subject.entries import Entry as DossierEntry
    from memoria.subject.entries import Related as DossierRelated
    from memoria.subject.entries import Use as DossierUse
    from memoria.subject.find import About, Finding
    from memoria.subject.find import Way as PersonWay
    from memoria.text.person import By as PersonBy
    from memoria.text.values.plans import ValueKind
    from memoria.transfer.backup.verbs import Backed, Checked, Restored, backup, export_forgets, restore, verify_backup
    from memoria.transfer.copying import Copied, Place, copy
    from memoria.transfer.rekeying import Rekeyed, rekey
    from memoria.zones import ZoneLike


# torch and faiss each bring an OpenMP pool; spinning threads of one starve the other (24 ms instead of 1 ms a query).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Submodules that are public: what they list in `__all__` are public names too.
_MODULES = ("aio", "models", "policies", "stores", "testing")
# Where each name is, and what it is called there when that is another name.
_LAZY = {
    "About": "memoria.subject.find",
    "Agent": "memoria.agent",
    "Allocation": "memoria.retention.allocate",
    "Allowed": "memoria.agent.asked",
    "Amendment": "memoria.engine.arguments",
    "Answer": "memoria.agent",
    "AnswerSource": "memoria.distill.answered",
    "Answered": "memoria.distill.answered",
    "Asked": "memoria.agent.asked",
    "Asking": "memoria.engine.arguments",
    "AsyncAgent": "memoria.aio",
    "AsyncMemoria": "memoria.aio",
    "Audience": "memoria.audience",
    "Audit": "memoria.distill.audit",
    "Backed": "memoria.transfer.backup.verbs",
    "Behaviour": "memoria.engine.opening",
    "ChatModel": "memoria.models.chat",
    "Checked": "memoria.transfer.backup.verbs",
    "Choice": "memoria.change.choosing",
    "Chooser": "memoria.distill.learn",
    "Clock": "memoria.engine.view",
    "Confirm": "memoria.agent.asked",
    "ConsolidationPolicy": "memoria.protocols",
    "Copied": "memoria.transfer.copying",
    "CountTokens": "memoria.recall.context",
    "DecayPolicy": "memoria.protocols",
    "Detector": "memoria.protocols",
    "DetectorLike": "memoria.engine.change",
    "DetectorName": "memoria.engine.change",
    "DistilledModel": "memoria.distill.model",
    "Dossier": "memoria.subject.dossier",
    "DossierDecision": "memoria.subject.entries:Decision",
    "DossierEntry": "memoria.subject.entries:Entry",
    "DossierRelated": "memoria.subject.entries:Related",
    "DossierUse": "memoria.subject.entries:Use",
    "Draft": "memoria.remember",
    "DraftFields": "memoria.engine.arguments",
    "Drawn": "memoria.models.chat",
    "Dream": "memoria.change.sleep",
    "Dropped": "memoria.extraction.learning",
    "Embedder": "memoria.protocols",
    "EmbedderLike": "memoria.embedders",
    "Erasure": "memoria.forget.due",
    "Entered": "memoria.proof.lines",
    "ExampleWriter": "memoria.distill.dataset",
    "Extractor": "memoria.agent.extract",
    "Filters": "memoria.engine.arguments",
    "Find": "memoria.forget.residue",
    "Finding": "memoria.subject.find",
    "Fit": "memoria.retention.fit",
    "Generator": "memoria.protocols",
    "GistWriter": "memoria.derived.gist:Writer",
    "Guard": "memoria.forget.erase",
    "GuardKeyLike": "memoria.stores.guardkey",
    "OnMatch": "memoria.standing.orders",
    "SalienceLike": "memoria.retention.windows",
    "StandingJudge": "memoria.standing.judging",
    "StandingOrder": "memoria.standing.orders",
    "ValueKind": "memoria.text.values.plans",
    "IdLike": "memoria.engine.view",
    "Include": "memoria.engine.arguments",
    "Judge": "memoria.protocols",
    "JudgeLike": "memoria.engine.view",
    "KeyFile": "memoria.stores.wrapping",
    "KeyVariable": "memoria.stores.wrapping",
    "KeyWrapper": "memoria.protocols",
    "KeyringEntry": "memoria.stores.wrapping",
    "Keyring": "memoria.proof.chain",
    "LearnOptions": "memoria.engine.learning",
    "Learnt": "memoria.distill.learn",
    "LedgerCheck": "memoria.proof.checking",
    "Line": "memoria.proof.lines",
    "Lesson": "memoria.extraction.learning",
    "Lineage": "memoria.derived.lineage",
    "Memoria": "memoria.engine.memory",
    "Message": "memoria.models.chat",
    "MessageLike": "memoria.extraction.said",
    "Mode": "memoria.engine.opening",
    "ModelLike": "memoria.models",
    "ModelPath": "memoria.engine.weights",
    "Need": "memoria.recall.need",
    "Night": "memoria.change.sleep",
    "Notice": "memoria.agent",
    "OnDoubt": "memoria.agent.doubts",
    "Opening": "memoria.aio",
    "PersonBy": "memoria.text.person:By",
    "PersonOptions": "memoria.engine.people",
    "PersonWay": "memoria.subject.find:Way",
    "Passphrase": "memoria.stores.wrapping",
    "Phrases": "memoria.change.reconcile",
    "Piece": "memoria.models.chat",
    "Place": "memoria.transfer.copying",
    "PolicyLike": "memoria.engine.view",
    "Progress": "memoria.protocols",
    "EndedBy": "memoria.retention.explain",
    "Kept": "memoria.retention.explain",
    "KeptState": "memoria.retention.explain",
    "SalienceFeature": "memoria.retention.explain",
    "Pruning": "memoria.retention.prune",
    "BudgetUnit": "memoria.retention.counting",
    "Shortening": "memoria.forget.shorten",
    "Reason": "memoria.extraction.learning",
    "Recipe": "memoria.distill.recipe",
    "ShardKind": "memoria.distill.recipe",
    "WeightDtype": "memoria.distill.base",
    "TrainingTarget": "memoria.distill.recipe",
    "Reinforcing": "memoria.retention.reinforce",
    "Rekeyed": "memoria.transfer.rekeying",
    "Reply": "memoria.agent",
    "Rerank": "memoria.recall.rerank",
    "Residue": "memoria.forget.residue",
    "Restriction": "memoria.retention.restriction",
    "Restored": "memoria.transfer.backup.verbs",
    "Role": "memoria.models.chat",
    "Roles": "memoria.access.sight",
    "Scalar": "memoria.metadata",
    "Share": "memoria.retention.allocate",
    "Shared": "memoria.sharing",
    "Signer": "memoria.proof.keys",
    "SigningKey": "memoria.proof.keys",
    "SleepOptions": "memoria.engine.change",
    "Sleeper": "memoria.change.sleep",
    "Store": "memoria.protocols",
    "Tool": "memoria.models.chat",
    "ToolCall": "memoria.models.chat",
    "UnlockLike": "memoria.stores.wrapping",
    "Vectors": "memoria.arrays",
    "ZoneLike": "memoria.zones",
    "backup": "memoria.transfer.backup.verbs",
    "copy": "memoria.transfer.copying",
    "export_forgets": "memoria.transfer.backup.verbs",
    "open": "memoria.engine.opening",
    "rekey": "memoria.transfer.rekeying",
    "restore": "memoria.transfer.backup.verbs",
    "verify_backup": "memoria.transfer.backup.verbs",
}

__all__ = [
    "About",
    "Agent",
    "Allocation",
    "Allowed",
    "Amendment",
    "Answer",
    "AnswerSource",
    "Answered",
    "Asked",
    "Asking",
    "AsyncAgent",
    "AsyncMemoria",
    "Audience",
    "Audit",
    "Backed",
    "Behaviour",
    "ChatModel",
    "Checked",
    "Choice",
    "Chooser",
    "Clock",
    "Confirm",
    "ConsolidationPolicy",
    "Copied",
    "CountTokens",
    "DecayPolicy",
    "Detector",
    "DetectorLike",
    "DetectorName",
    "DistilledModel",
    "Dossier",
    "DossierDecision",
    "DossierEntry",
    "DossierRelated",
    "DossierUse",
    "Draft",
    "DraftFields",
    "Drawn",
    "Dream",
    "Dropped",
    "Embedder",
    "EmbedderLike",
    "EndedBy",
    "Erasure",
    "Entered",
    "ExampleWriter",
    "Extractor",
    "Filters",
    "Find",
    "Finding",
    "Fit",
    "Generator",
    "GistWriter",
    "Guard",
    "GuardKeyLike",
    "OnMatch",
    "SalienceLike",
    "StandingJudge",
    "StandingOrder",
    "ValueKind",
    "IdLike",
    "Include",
    "Judge",
    "Kept",
    "KeptState",
    "JudgeLike",
    "KeyFile",
    "KeyVariable",
    "KeyWrapper",
    "KeyringEntry",
    "Keyring",
    "LearnOptions",
    "Learnt",
    "LedgerCheck",
    "Lesson",
    "Line",
    "Lineage",
    "Memoria",
    "Message",
    "MessageLike",
    "Mode",
    "ModelLike",
    "ModelPath",
    "Need",
    "Night",
    "Notice",
    "OnDoubt",
    "Opening",
    "Passphrase",
    "PersonBy",
    "PersonOptions",
    "PersonWay",
    "Phrases",
    "Piece",
    "Place",
    "PolicyLike",
    "Progress",
    "Pruning",
    "BudgetUnit",
    "Shortening",
    "Reason",
    "Recipe",
    "ShardKind",
    "WeightDtype",
    "TrainingTarget",
    "Reinforcing",
    "Rekeyed",
    "Reply",
    "Rerank",
    "Residue",
    "Restriction",
    "Restored",
    "Role",
    "Roles",
    "SalienceFeature",
    "Scalar",
    "Share",
    "Shared",
    "Signer",
    "SigningKey",
    "SleepOptions",
    "Sleeper",
    "Store",
    "Tool",
    "ToolCall",
    "UnlockLike",
    "Vectors",
    "ZoneLike",
    "__version__",
    "aio",
    "backup",
    "copy",
    "export_forgets",
    "models",
    "open",
    "policies",
    "rekey",
    "restore",
    "stores",
    "testing",
    "verify_backup",
]
__all__ += types.__all__
__all__ += errors.__all__


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"memoria.{name}")
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, there = _LAZY[name].partition(":")
    return getattr(import_module(module), there or name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
