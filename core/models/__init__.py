"""The model families, one file each: the file's name is the Hugging Face `model_type`."""

import importlib
import pkgutil

from core.models.gpt2 import Config, Model


def families() -> tuple[str, ...]:
    """The names of the families there are, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def build(config: Config) -> Model:
    """The model of a family's config, its weights neither drawn nor loaded yet. Raises ValueError."""
    for family in families():
        module = importlib.import_module(f"{__name__}.{family}")
        if isinstance(config, module.Config):
            model: Model = module.Model(config)
            return model
    raise ValueError(f"{config!r} is the config of no model family; known: {', '.join(families())}")
