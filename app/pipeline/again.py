"""An experiment that was run, as a file that runs it again with the very same settings."""

from __future__ import annotations

from app.experiment.file import SHIPPED, experiment_toml, load_experiment, save_experiment
from app.pipeline.records import Record
from app.pipeline.work import with_versions


def settings_file(record: Record) -> str:
    """What the command line calls the experiment of a record.

    The name of one that ships, where it was run as it ships; otherwise the path of a file with all
    its settings, which is written beside the record.

    Raises:
        ArtifactError: the disk is full or the workspace may not be written.
    """
    name = record.experiment.name
    if (SHIPPED / f"{name}.toml").exists():
        shipped = with_versions(load_experiment(name), record.workspace)
        if shipped == record.experiment:
            return name
    path = record.workspace.resolve() / "runs" / f"{name}.toml"
    if not path.exists() or path.read_text("utf-8") != experiment_toml(record.experiment):
        save_experiment(record.experiment, path)
    return str(path)
