"""From a publisher's files, or a person's own, to a data set."""

from data.loaders.digests import source_digests
from data.loaders.load import LoadedDataset, load_dataset

__all__ = ["LoadedDataset", "load_dataset", "source_digests"]
