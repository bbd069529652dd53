"""The hash chains of the audit: written by the ledger and the journal, proved and exported from here."""
