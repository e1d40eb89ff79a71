# A LongSound gives a TextGrid with its vocal bursts, which opens with the sound.
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
sound = selected ("LongSound")
name$ = selected$ ("LongSound")
start = Get start time
end = Get end time
# Praat reads these as everybody does; its clock in mp3 files is its own, so they are saved as WAV first.
info$ = Info
recording$ = extractLine$ (info$, "File name: ")
wav$ = ""
type$ = extractLine$ (info$, "File type: ")
if (type$ <> "WAV" and type$ <> "FLAC" and type$ <> "AIFF") or not fileReadable (recording$)
    @vbannotate_temporary: "sound.wav"
    wav$ = vbannotate_temporary.path$
    nowarn Save as WAV file: wav$
    recording$ = wav$
endif
@vbannotate_temporary: "bursts.TextGrid"
result$ = vbannotate_temporary.path$
@vbannotate: "annotate", recording$, "", result$, start, end
if wav$ <> ""
    deleteFile: wav$
endif
if not vbannotate.ok
    exitScript: "Vocal bursts: ", vbannotate.message$
endif
@vbannotate_show: sound, result$, name$

include common.praat
