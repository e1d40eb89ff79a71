"""Labelled soundscapes, made from bursts and backgrounds and a seed."""
