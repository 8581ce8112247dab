"""The Next.js app that the examples live beside: its tables as Prisma makes them, and its readings.

Development and tests only. The service itself never creates, alters or drops anything.
"""
