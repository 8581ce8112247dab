"""The steps in front of every function: who may call, how often, how many at once, how long."""
