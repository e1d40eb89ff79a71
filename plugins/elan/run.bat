@echo off
rem Started by ELAN with this folder as the current one. The path below is UTF-8.
chcp 65001 <nul >nul
set PYTHONUTF8=1
set PYTHONUNBUFFERED=1
set TQDM_DISABLE=1
echo PROGRESS: 0%% starting
@PYTHON@ -X utf8 -m vbannotate plugins run-elan
