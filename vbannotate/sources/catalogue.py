"""The sources that are known by name: what each holds, its licence, its size, and how it is got.

The published ones are those of the card of laion/vocalburst-locator: about 15 680 burst clips, backgrounds
from music (5 000), AudioSet effects (5 000) and speech-like snippets (3 000). The card does not name the data
sets, and its ``download_sources.py`` could not be had; what was found instead stands in `note`.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from vbannotate.errors import UsageError
from vbannotate.sources.folder import Rule, may_train

GIT, HUB, HAND = "git", "hub", "hand"

# EmoGator's prompted emotions by their number in the file name.
_EMOTIONS = {
    "02": "laugh", "03": "grunt", "09": "sigh", "10": "groan", "11": "cry", "12": "moan", "13": "cheer",
    "15": "scream", "19": "groan", "22": "sigh", "24": "cry", "27": "gasp", "28": "gasp",
}  # fmt: skip
_UNNAMED = "the card names no data set; see its download_sources.py, then: sources add FOLDER --kind "
_DEEPLY = {
    "coughing": "cough", "crying": "cry", "laughing": "laugh", "moaning": "moan", "panting": "pant",
    "screaming": "scream", "sighing": "sigh", "sneezing": "sneeze", "throat-clearing": "throat_clear",
    "yawning": "yawn",
}  # fmt: skip
_ESC10 = {
    "001": "dog", "002": "rain", "003": "sea_waves", "004": "baby_cry", "005": "clock", "006": "sneeze",
    "007": "helicopter", "008": "chainsaw", "009": "rooster", "010": "fire",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """A source. `size` in bytes, None where it is not known; `how` is git, hub or hand.

    `address` is a git address, the name of a data set on the hub, or a page for people. With `revision` this
    commit is taken. `rules` say what the files are; without any, their names do. `patterns` are
    the files of the hub that are wanted.
    """

    name: str
    title: str
    kinds: tuple[str, ...]
    licence: str
    size: int | None
    how: str
    address: str
    note: str = ""
    revision: str = ""
    published: bool = False
    rules: tuple[Rule, ...] = ()
    lang: str = ""
    patterns: tuple[str, ...] = ()

    @property
    def use(self) -> str:
        """train, judge (no model for others may be trained on it), or ? where no licence could be found."""
        if self.licence.startswith("not stated"):
            return "?"
        return "train" if may_train(self.licence) else "judge"


ENTRIES = (
    Entry(
        "laion-bursts",
        "about 15 680 synthetic vocal bursts with captions",
        ("burst",),
        "not stated where we could look; read the data set's card before use",
        None,
        HUB,
        "laion/improved_synthetic_vocal_burts",
        "the published bursts, as far as we can tell: the locator's card gives 15 680 clips without a name, "
        "and this data set (spelt so) is cited elsewhere with 15 480 + 200 clips",
        published=True,
        patterns=("*.tar", "*.md"),
        rules=(Rule(r".*\.(?:mp3|flac|wav|ogg)", "burst", "burst", quality="weak"),),
    ),
    Entry(
        "laion-soundscapes",
        "the soundscapes that the published locator was trained on, ready mixed, with their JSON",
        ("soundscapes",),
        "Apache-2.0",
        None,
        HUB,
        "laion/vocalburst-locator-synth-data",
        "mixed already, so synth does not draw from it; files and licence as the hub's page lists them",
        published=True,
        patterns=("*.tar", "*.md"),
    ),
    Entry(
        "laion-music",
        "5 000 clips of music, background of the published soundscapes",
        ("music",),
        "not stated",
        None,
        HAND,
        "https://huggingface.co/laion/vocalburst-locator",
        _UNNAMED + "music",
        published=True,
    ),
    Entry(
        "laion-audioset",
        "5 000 AudioSet effects, background of the published soundscapes",
        ("env",),
        "not stated (AudioSet's labels are CC-BY-4.0, its sound is YouTube's users')",
        None,
        HAND,
        "https://huggingface.co/laion/vocalburst-locator",
        _UNNAMED + "env",
        published=True,
    ),
    Entry(
        "laion-snippets",
        "3 000 speech-like snippets, background of the published soundscapes",
        ("speech",),
        "not stated",
        None,
        HAND,
        "https://huggingface.co/laion/vocalburst-locator",
        _UNNAMED + "speech",
        published=True,
    ),
    Entry(
        "emogator",
        "32 130 vocal bursts of 357 speakers, 30 prompted emotions, 17 hours",
        ("burst",),
        "Apache-2.0",
        523_000_000,
        GIT,
        "https://github.com/fredbuhl/EmoGator",
        "classes derived from the emotions; those that fit no class are called other",
        rules=(
            Rule(
                r"data/mp3/(?P<group>\d{6})-(?P<code>\d\d)-\d+\.mp3",
                "burst",
                "other",
                "code",
                _EMOTIONS,
                quality="performed",
            ),
        ),
    ),
    Entry(
        "covid19-cough",
        "1 324 induced coughs, voice messages and telephone",
        ("burst",),
        "CC0-1.0",
        22_100_000,
        GIT,
        "https://github.com/covid19-cough/dataset",
        "no speaker ids: neighbours may be one person, and many files are there twice",
        rules=(Rule(r"raw/(?P<group>[^/]{13})[^/]*\.mp3", "burst", "cough"),),
    ),
    Entry(
        "donateacry",
        "457 cries of babies, 7 s phone recordings, cleaned part",
        ("burst",),
        "ODbL-1.0 and DbCL-1.0",
        96_700_000,
        GIT,
        "https://github.com/gveres/donateacry-corpus",
        "a trained model is a produced work: name the corpus",
        rules=(
            Rule(
                r"donateacry_corpus_cleaned_and_updated_data/[^/]+/(?P<group>[^/]{13})[^/]*\.wav",
                "burst",
                "baby_cry",
                quality="weak",
            ),
        ),
    ),
    Entry(
        "esc-10",
        "sneezes, cries of babies and eight classes of environment, 400 clips of 5 s",
        ("burst", "env"),
        "CC-BY-3.0",
        42_000_000,
        GIT,
        "https://github.com/karolpiczak/ESC-10",
        "the commit before the sound was moved to ESC-50",
        revision="553c8f1743b9dba6b282e1323c3ca8fa76923448",
        rules=(
            Rule(
                r"(?P<code>\d{3}) - [^/]+/\d-(?P<group>\d+)-[^/]*\.ogg",
                "env",
                "",
                "code",
                _ESC10,
                {"004": "burst", "006": "burst"},
                frozenset({"dog", "rooster"}),
            ),
        ),
    ),
    Entry(
        "speechocean762",
        "5 000 read English sentences of 250 speakers of Mandarin, adults and children",
        ("speech",),
        "CC-BY-4.0",
        669_000_000,
        GIT,
        "https://github.com/jimbozhang/speechocean762",
        rules=(Rule(r"WAVE/(?P<group>[^/]+)/.*\.WAV", "speech", "speech"),),
        lang="en",
    ),
    Entry(
        "spoken-digits",
        "3 000 spoken English digits of six speakers, short words that resemble bursts",
        ("speech",),
        "CC-BY-SA-4.0",
        21_200_000,
        GIT,
        "https://github.com/Jakobovski/free-spoken-digit-dataset",
        rules=(Rule(r"recordings/\d_(?P<group>[^_]+)_\d+\.wav", "speech", "word"),),
        lang="en",
    ),
    Entry(
        "ami",
        "100 hours of meetings with vocal sounds in their transcripts",
        ("continuous",),
        "CC-BY-4.0",
        None,
        HAND,
        "https://groups.inf.ed.ac.uk/ami/corpus/",
        "fetch meetings and annotations there, then: sources add FOLDER --kind continuous --group REGEX",
    ),
    Entry(
        "debian-pools",
        "23 519 files of speech, music, effects and game voices, 24 hours",
        ("burst", "speech", "music", "env"),
        "by package (GPL, CC-BY, CC-BY-SA, CC0 ...), in its table",
        2_400_000_000,
        HAND,
        "docs/training.md, Data",
        "build with fetch_sources.py, then: sources add POOLS --name debian-pools",
    ),
    Entry(
        "deeply",
        "a sample of the Deeply Nonverbal Vocalization Dataset, 16 classes, Korean speakers",
        ("burst",),
        "CC-BY-NC-ND-4.0",
        69_100_000,
        GIT,
        "https://github.com/deeplyinc/Nonverbal-Vocalization-Dataset",
        "share no mixes of it; lips, tongue, teeth and nose are left out",
        rules=(
            Rule(
                rf"dataset/(?P<code>{'|'.join(_DEEPLY)})/(?P<group>[^_]+)_.*\.wav",
                "burst",
                "burst",
                "code",
                _DEEPLY,
            ),
        ),
    ),
)


def find(name: str) -> Entry:
    """The entry of a name. Raises UsageError with the nearest."""
    for entry in ENTRIES:
        if entry.name == name.lower():
            return entry
    names = [entry.name for entry in ENTRIES]
    near = get_close_matches(name.lower(), names, n=1, cutoff=0.5) or names
    raise UsageError(f"no source {name!r}", f"did you mean {' or '.join(near)}? see: vbannotate sources list")
