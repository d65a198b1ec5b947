"""Backbones: item vectors of a history in, user vectors after every position out.

One that `slides` reads the last `max_history` items at every position of however long a chunk; the
others read what is before a position in a chunk of at most `max_history`.
"""

from torch import nn

from recommend.sequence.backbones.gru4rec import Gru4Rec
from recommend.sequence.backbones.mind import Mind
from recommend.sequence.backbones.sasrec import SasRec
from recommend.sequence.backbones.youtubednn import YouTubeDnn

BACKBONES: dict[str, type[nn.Module]] = {
    "youtubednn": YouTubeDnn,
    "mind": Mind,
    "gru4rec": Gru4Rec,
    "sasrec": SasRec,
}
