"""A Feishu on this machine: the part of its Open API, callbacks and chat client that an approval bot meets.

It is stricter than Feishu, never kinder (docs/simulator.md lists every limit), speaks HTTP only, and imports nothing
of the product, so that it can judge the product's signatures, cards and calls.
"""
