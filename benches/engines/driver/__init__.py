"""Drives the engines: data, reference answers, rounds, tables."""
