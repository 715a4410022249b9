"""Receipts and the ledger, of the whole store: read, verified, exported, and signed by another key."""

from __future__ import annotations

from collections.abc import Sequence

from memoria.engine.view import View
from memoria.errors import InvalidQuery, shown
from memoria.forget import ledger as ledgers
from memoria.proof.checking import LedgerCheck, check_receipt
from memoria.proof.keys import Signer, SigningKey, check_signer
from memoria.proof.lines import Line, exported, parsed
from memoria.types import LedgerEntry

Lines = list[Line]


class Proving(View):
    """The part of a memory that shows what was done."""

    def ledger_lines(self) -> Lines:
        """Every line of the ledger: what was erased and pruned, held and released, and all else that was decided.

        Returns:
            The lines, oldest first.
        """
        return [parsed(one.line) for one in self.store.chained()]

    def receipts(self) -> Lines:
        """Lines of the ledger that are receipts of an erasure, or of the verification of one.

        Returns:
            The lines, oldest first.
        """
        return [line for line in self.ledger_lines() if ledgers.is_receipt(line)]

    def receipt(self, number: int) -> bytes:
        """The signed statement of one line of the ledger, as `Receipt.signed` gives it.

        Args:
            number: of the line.

        Returns:
            A COSE_Sign1 statement.

        Raises:
            InvalidQuery: the ledger has no line of this number.
            SignerUnavailable: who signs is not to be reached.
        """
        entered = self.store.chained()
        if isinstance(number, bool) or not isinstance(number, int) or not 0 < number <= len(entered):
            raise InvalidQuery(f"line is {shown(number)}, not a number from 1 to {len(entered)}")
        return self.store.prove(entered[number - 1].line)

    def verify_receipt(self, data: bytes) -> Line:
        """Verifies a signed receipt of this store against its ledger.

        Args:
            data: the statement.

        Returns:
            The line that it states.

        Raises:
            InvalidInput: it is no receipt, was changed, or is of another store.
            InvalidQuery: its line is not in the ledger.
        """
        line = check_receipt(data, ledgers.keys(self.store))
        problems = self.verify_ledger(receipts=[data]).problems
        if problems:
            raise InvalidQuery(*problems)
        return line

    def verify_ledger(self, *, head: str | None = None, receipts: Sequence[bytes] = ()) -> LedgerCheck:
        """Verifies every line and signature of the ledger, what the store keeps beside it, and receipts against it.

        Args:
            head: "number:hash" that was kept from an earlier verification: lines from there on must be there.
            receipts: signed receipts, which must be lines of it.

        Returns:
            Counts, the head, and each problem; without problems, the ledger is what was written.

        Raises:
            InvalidInput: the head is none.
        """
        return ledgers.check(self.store, head=head, receipts=receipts)

    def export_ledger(self) -> bytes:
        """The ledger as one file, for whoever has the public key and no store: docs/receipts.md shows a verifier.

        Returns:
            Public keys, lines and signatures, in deterministic CBOR. It holds no content, no name, no id and no reason.
        """
        return exported(ledgers.keys(self.store), self.store.chained())

    def signing_key(self) -> SigningKey:
        """The public key that signs the ledger now.

        Returns:
            The key, and the id by which statements name it.

        Raises:
            InvalidQuery: nothing was signed yet.
        """
        ring = self.store.keyring()
        if ring is None:
            raise InvalidQuery("nothing was signed yet: the key is made with the first line of the ledger")
        return SigningKey(public=ring.public)

    def rotate_key(self, *, signer: Signer | None = None) -> SigningKey:
        """Lets another key sign the ledger from now on; the old one signs the line that says so.

        Args:
            signer: whoever has the new key, such as a KMS; None makes one that the store keeps.

        Returns:
            The new public key.

        Raises:
            InvalidInput: the signer is none.
            SignerUnavailable: who signed until now is not to be reached.
        """
        given = None if signer is None else check_signer(signer)
        entry = LedgerEntry(at=self._clock(), action="rotate", ids=(), reason="")
        return SigningKey(public=self.store.rotate(entry, given))
