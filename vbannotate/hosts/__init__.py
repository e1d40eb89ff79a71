"""The plug-ins' side of the product: where host programs look, what they ask, what they get.

What lies in ``plugins/`` are thin launchers; all that can be decided or tested is here.

    places     the folders in which ELAN, Audacity and Praat look for plug-ins, on three systems
    launchers  quoting of the interpreter's path for sh, cmd.exe and Praat
    install    putting the plug-ins there, and taking away what was put there
    elan       one run of the ELAN recognizer: parameters in, tiers out (elan_params, elan_tiers, lines)
    pipe       a client of Audacity's scripting pipe
    audacity   detection, labels and corrections in a running Audacity
    praat      what the commands in Praat's menus call
    check      running an installed plug-in as its host would
"""

from __future__ import annotations

NAMES = ("elan", "audacity", "praat")
