# What the commands of this plug-in share. Written by: vbannotate plugins install praat

# A name for a file of our own in Praat's folder for temporary files.
procedure vbannotate_temporary: .suffix$
    .path$ = temporaryDirectory$ + "/.vbannotate-" + string$ (randomInteger (1e8, 1e9)) + "-" + .suffix$
    deleteFile: .path$
endproc

# Call the program for .task$ ("annotate", "add" or "compare") with the settings of the form.
# .ok tells whether .result$ is there, .message$ why not. Praat 6.3 does not tell how a program ended, so the
# program writes "ok" or its error to a file of its own; one that cannot be started leaves no such file.
procedure vbannotate: .task$, .input$, .grid$, .result$, .start, .end
    @vbannotate_temporary: "answer.txt"
    .answer$ = vbannotate_temporary.path$
    deleteFile: .result$
    nocheck runSubprocess: @PYTHON@, "-X", "utf8", "-m", "vbannotate", "plugins", "run-praat", .task$,
    ... "--answer=" + .answer$, "--input=" + .input$, "--grid=" + .grid$, "--result=" + .result$,
    ... "--start=" + string$ (.start), "--end=" + string$ (.end), "--preset=" + preset$,
    ... "--threshold=" + threshold$, "--min-dur=" + shortest_event$, "--tiers=" + tiers$,
    ... "--confidence=" + string$ (confidence_tier), "--keep=" + save_prediction_as$
    .message$ = "the program could not be run; in a terminal try: vbannotate plugins check praat"
    if fileReadable (.answer$)
        .message$ = readFile$ (.answer$)
        deleteFile: .answer$
    endif
    .ok = .message$ = "ok" and fileReadable (.result$)
endproc

# Read the TextGrid that the program wrote, remove the file, and show it with the sound.
procedure vbannotate_show: .sound, .file$, .name$
    .grid = Read from file: .file$
    deleteFile: .file$
    Rename: .name$
    selectObject: .sound, .grid
    nocheck View & Edit
endproc
