# A Sound gives a TextGrid with its vocal bursts, which opens with the sound.
form Annotate vocal bursts
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
name$ = selected$ ("Sound")
start = Get start time
end = Get end time
@vbannotate_temporary: "sound.wav"
wav$ = vbannotate_temporary.path$
nowarn Save as WAV file: wav$
@vbannotate_temporary: "bursts.TextGrid"
result$ = vbannotate_temporary.path$
@vbannotate: "annotate", wav$, "", result$, start, end
deleteFile: wav$
if not vbannotate.ok
    exitScript: "Vocal bursts: ", vbannotate.message$
endif
@vbannotate_show: sound, result$, name$

include common.praat
