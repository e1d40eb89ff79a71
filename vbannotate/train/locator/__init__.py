"""Training of detectors in the published architecture: a whole Whisper encoder and the published head.

The encoder stays frozen, is adapted by LoRA, or is tuned as a whole (`network`); transformers' Trainer does
the steps (`training`), `options` holds the published settings, `data` and `states` what is trained on.
docs/train.md tells how it is used.
"""
