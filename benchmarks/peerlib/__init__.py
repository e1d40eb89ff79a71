"""What `peers.py` is made of: soundscapes, the judge, and one small adapter for each detector."""
