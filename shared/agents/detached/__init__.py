"""Runs that outlive their connection: their events in Valkey or Redis, readable on any replica."""
