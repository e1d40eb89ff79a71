"""Soundscapes: reproducible from a seed, labelled where the sound is, shares as the recipe says."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the train extra is not installed")

from vbannotate.sources.clips import Clip
from vbannotate.synth import activity, effects, scenes
from vbannotate.train import features

RATE = scenes.RATE


class Tones:
    """A reader of made-up clips: bursts are two beeps 0.3 s apart, everything else is noise."""

    def whole(self, clip):
        rng = np.random.default_rng(len(str(clip.path)))
        sound = (1e-4 * rng.standard_normal(round(clip.seconds * RATE))).astype(np.float32)
        if clip.kind == "burst":
            for start, stop in clip.pulses:
                n = np.arange(round(start * RATE), round(stop * RATE))
                sound[n] += 0.5 * np.sin(2 * np.pi * 440 * n / RATE).astype(np.float32)
        else:
            sound *= 1000
        return sound

    def excerpt(self, clip, samples, rng):
        return self.whole(clip)[:samples]


def clip(kind, stratum, pulses=None, seconds=2.0, **more):
    return Clip(
        f"{stratum}.wav", kind, "made-up", stratum, "beep", "train", "one", seconds, pulses=pulses, **more
    )


@pytest.fixture(scope="module")
def library():
    return scenes.Library(
        [clip("burst", "beep", ((0.2, 0.5), (0.8, 1.2)))]
        + [clip(kind, kind, seconds=12.0) for kind in ("speech", "music", "env")]
        + [clip("continuous", "talk", ((1.0, 1.5), (3.0, 3.2)), seconds=30.0)]
    )


def make(library, recipe=scenes.PUBLISHED, seed=(1,)):
    return scenes.make(library, recipe, seed, Tones())


def test_a_seed_gives_the_same_scene_whatever_was_made_before(library):
    first = make(library, scenes.TRAINING, (5, 7))
    for k in range(5):
        make(library, scenes.TRAINING, (6, k))
    again = make(library, scenes.TRAINING, (5, 7))
    assert np.array_equal(first.audio, again.audio) and first.bursts == again.bursts
    assert not np.array_equal(first.audio, make(library, scenes.TRAINING, (5, 8)).audio)


def test_published_recipe_has_half_empty_scenes_of_30_s_and_up_to_five_bursts(library):
    made = [make(library, seed=(9, k)) for k in range(200)]
    counts = [len(scene.bursts) for scene in made]
    assert {len(scene.audio) for scene in made} == {30 * RATE}
    assert 80 <= counts.count(0) <= 120
    assert max(counts) <= 5 and len(set(counts)) >= 5
    assert {scene.background for scene in made} == set(scenes.KINDS)


def test_bursts_lie_where_the_labels_say_and_never_closer_than_two_pauses(library):
    quiet = replace(scenes.PUBLISHED, empty=0.0, backgrounds={"silence": 1.0}, snr=(10.0, 15.0))
    for k in range(20):
        scene = make(library, quiet, (3, k))
        for burst in scene.bursts:
            start, stop = round(burst.onset * RATE), round(burst.offset * RATE)
            inside, before = scene.audio[start : start + 3200], scene.audio[start - 3200 : start]
            after = scene.audio[stop : stop + 3200]
            for outside in (before, after):
                assert len(outside) < 3200 or np.mean(inside**2) > 4 * np.mean(outside**2)
            assert burst.pulses[0][0] == burst.onset and burst.pulses[-1][1] == burst.offset
        for left, right in zip(scene.bursts, scene.bursts[1:], strict=False):
            assert right.onset - left.offset >= 2 * activity.BOUT_GAP - 0.002


def test_a_scene_names_the_sound_files_underneath(library):
    made = [make(library, replace(scenes.PUBLISHED, second=0.5), (3, k)) for k in range(30)]
    files = {name: f"made-up/{name}.wav" for name in ("speech", "music", "env")}
    for scene in made:
        assert (files[scene.background] in scene.grounds) if scene.background in files else not scene.grounds
    assert {name for scene in made for name in scene.grounds} == set(files.values())
    assert max(len(scene.grounds) for scene in made) == 2, "a second one underneath; none is named twice"


def test_snr_is_what_the_label_says(library):
    recipe = replace(scenes.PUBLISHED, empty=0.0, bursts=(1, 1), backgrounds={"music": 1.0}, snr=(12.0, 12.0))
    scene = make(library, recipe, (4,))
    (burst,) = scene.bursts
    start, stop = (round(t * RATE) for t in burst.pulses[0])
    inside, outside = (
        scene.audio[start + 400 : stop - 400],
        np.delete(scene.audio, np.s_[start - 800 : stop + 16000]),
    )
    power = np.mean(inside.astype(float) ** 2) / np.mean(outside[outside != 0].astype(float) ** 2) - 1
    assert 10 * np.log10(power) == pytest.approx(12, abs=2.5)


def test_windows_of_real_recordings_keep_the_stamps_of_people(library):
    real = replace(scenes.TRAINING, backgrounds={"real": 1.0})
    made = [make(library, real, (2, k)) for k in range(30)]
    assert {scene.background for scene in made} == {"real"}
    lengths = {
        round(b.offset - b.onset, 2) for scene in made for b in scene.bursts if b.onset > 0 and b.offset < 10
    }
    assert lengths <= {0.5, 0.2} and lengths


def test_one_pulse_cuts_bursts_to_single_pulses(library):
    recipe = replace(scenes.PUBLISHED, empty=0.0, one_pulse=1.0)
    lengths = {round(b.offset - b.onset, 1) for k in range(20) for b in make(library, recipe, (8, k)).bursts}
    assert lengths == {0.3, 0.4}


@pytest.mark.parametrize("number", range(3), ids=["opus", "mp3", "vorbis"])
def test_a_codec_at_its_lowest_quality(number):
    class Lowest(np.random.Generator):
        def integers(self, *_):
            return number

        def uniform(self, low=0.0, high=1.0, size=None):
            return high - 1e-9

    audio = np.sin(np.arange(16_000) / 8).astype(np.float32)
    assert len(effects.codec(audio, Lowest(np.random.PCG64(0)))) == len(audio)


@pytest.mark.parametrize("effect", [effects.room, effects.telephone, effects.codec, effects.clip])
def test_effects_keep_length_and_stay_finite(effect):
    rng = np.random.default_rng(0)
    sound = (0.3 * rng.standard_normal(RATE)).astype(np.float32)
    out = effect(sound, rng)
    assert len(out) == len(sound) and out.dtype == np.float32 and np.isfinite(out).all()
    assert not np.array_equal(out, sound)


def test_telephone_leaves_only_its_band():
    rng = np.random.default_rng(1)
    narrow = effects.telephone(effects.noise(RATE, rng, 0.0), rng)
    power = np.abs(np.fft.rfft(narrow)) ** 2
    assert power[6000:].sum() < 0.02 * power[500:3000].sum()


def test_targets_are_pulses_and_edges_count_less(library):
    scene = scenes.Scene(
        np.zeros(10 * RATE, np.float32),
        (scenes.Placed(1.0, 2.0, "beep", "made-up", 0.0, ((1.0, 1.405), (1.8, 2.0))),),
        "speech",
    )
    target, weight = features.targets(scene)
    assert np.flatnonzero(target).tolist() == [*range(50, 70), *range(90, 100)]
    assert weight[49] == weight[50] == 0.5 and weight[60] == weight[200] == 1
    doubtful, less = features.targets(replace(scene, doubtful=True))
    assert np.array_equal(doubtful, target) and less[60] == 1 and less[200] < 0.5
