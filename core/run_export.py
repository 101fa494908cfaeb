"""A run's model, given away: a plain model folder, without what belongs to the run alone."""

import os
from pathlib import Path

from safetensors import SafetensorError

from core.checkpoint import appearing_new, load_model, save_model
from core.run_folder import RunError, standing_checkpoint


def export_model(run: Path, folder: Path) -> Path:
    """Write the model of the checkpoint a run stands at into a new folder; returns that checkpoint's.

    The new folder is there whole or not at all, in the Hugging Face layout. Raises RunError, and
    BadModelFolder for a checkpoint that cannot be loaded.
    """
    if os.path.lexists(folder):
        raise RunError(f"{folder} is there already: choose a folder that is not there yet")
    if not folder.parent.is_dir():
        raise RunError(f"there is no folder {folder.parent} to put {folder.name} in")
    checkpoint = standing_checkpoint(run)
    model = load_model(checkpoint)
    tensors = model.hf_layout({name: p.detach() for name, p in model.named_parameters()})
    try:
        with appearing_new(folder) as beside:
            save_model(model, tensors, beside)
    except (OSError, SafetensorError) as error:
        raise RunError(f"{folder} could not be written: {error}") from error
    return checkpoint
