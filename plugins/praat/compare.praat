# A corrected TextGrid against the prediction it came from: the report goes to the Info window.
form Compare with prediction
    comment The prediction: a .vb.json file, or the TextGrid before it was corrected.
    comment Leave it empty to choose the file in a window.
    sentence Prediction
endform
grid = selected ("TextGrid")
if prediction$ = ""
    prediction$ = chooseReadFile$: "The prediction (.vb.json, TextGrid ...)"
endif
if prediction$ <> ""
    # The settings of the other forms, which this task does not need.
    preset$ = "default"
    threshold$ = "preset"
    shortest_event$ = "preset"
    tiers$ = "one"
    confidence_tier = 0
    save_prediction_as$ = ""
    @vbannotate_temporary: "grid.TextGrid"
    grid$ = vbannotate_temporary.path$
    nowarn Save as text file: grid$
    @vbannotate_temporary: "report.txt"
    report$ = vbannotate_temporary.path$
    @vbannotate: "compare", prediction$, grid$, report$, 0, 0
    deleteFile: grid$
    if not vbannotate.ok
        exitScript: "Vocal bursts: ", vbannotate.message$
    endif
    text$ = readFile$ (report$)
    deleteFile: report$
    writeInfoLine: text$
endif

include common.praat
