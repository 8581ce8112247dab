"""Transactions, and whose claims hold in them."""
