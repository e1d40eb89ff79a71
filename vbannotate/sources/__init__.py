"""Sounds that training draws from: what each holds, whose it is, its licence, and its side of the split."""
