# A Sound and a TextGrid give a new TextGrid: all tiers of the old one, and the vocal bursts.
form Add vocal bursts to TextGrid
    optionmenu Preset: 1
        option default
        option balanced
        option precision
        option recall
        option noisy
        option short
        option long
    sentence Threshold_(0_to_1) preset
    sentence Shortest_event_(s) preset
    optionmenu Tiers: 1
        option one
        option per-label
    boolean Confidence_tier no
    sentence Save_prediction_as
endform
sound = selected ("Sound")
grid = selected ("TextGrid")
name$ = selected$ ("TextGrid")
selectObject: sound
start = Get start time
end = Get end time
@vbannotate_temporary: "sound.wav"
wav$ = vbannotate_temporary.path$
nowarn Save as WAV file: wav$
selectObject: grid
@vbannotate_temporary: "grid.TextGrid"
grid$ = vbannotate_temporary.path$
nowarn Save as text file: grid$
@vbannotate_temporary: "bursts.TextGrid"
result$ = vbannotate_temporary.path$
@vbannotate: "add", wav$, grid$, result$, start, end
deleteFile: wav$
deleteFile: grid$
selectObject: sound, grid
if not vbannotate.ok
    exitScript: "Vocal bursts: ", vbannotate.message$
endif
@vbannotate_show: sound, result$, name$

include common.praat
