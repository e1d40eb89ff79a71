#!/bin/sh
# Started by ELAN with this folder as the current one. `exec`: Cancel ends the program itself, not only this shell.
export PYTHONUTF8=1 PYTHONUNBUFFERED=1 TQDM_DISABLE=1
echo "PROGRESS: 0% starting"
exec @PYTHON@ -X utf8 -m vbannotate plugins run-elan
