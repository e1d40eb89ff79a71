# Run by Praat at every start: only Add lines, because an error here would disturb every start.
Add action command: "Sound", 1, "", 0, "", 0, "Annotate vocal bursts...", "", 0, "annotate_sound.praat"
Add action command: "LongSound", 1, "", 0, "", 0, "Annotate vocal bursts...", "", 0, "annotate_longsound.praat"
Add action command: "Sound", 1, "TextGrid", 1, "", 0, "Add vocal bursts to TextGrid...", "", 0, "add_to_textgrid.praat"
Add action command: "TextGrid", 1, "", 0, "", 0, "Compare with prediction...", "", 0, "compare.praat"
