"""Loads the settings: defaults, the user's file, the project's, the environment, the command line.

A later source wins. What was read is kept in a cache that holds until one of the files changes, so
that a normal start needs neither tomllib nor pydantic.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from jobshape.app.domain.errors import ConfigError
from jobshape.app.settings import cache
from jobshape.app.settings.folders import config_folder, project_file
from jobshape.app.settings.values import Loaded, Settings, build, declared, value_of

CONFIG_NAME = "config.toml"


class SettingsError(ConfigError):
    """Settings that cannot be used; ``problems`` holds each thing wrong, this is the first."""

    def __init__(self, problems: list[ConfigError]) -> None:
        first = problems[0]
        super().__init__(first.what, where=first.where, hint=first.hint)
        self.problems = tuple(problems)


def load_settings(
    options: Mapping[str, tuple[Any, str]] | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    start: Path | None = None,
) -> Loaded:
    """The settings that hold here and now.

    options: dotted name -> (value, option as typed), already checked by the command line. start:
    the folder a project's file is looked up from, upwards; None is the working folder.
    Raises SettingsError, whose problems name file, line and field.
    """
    user = config_folder() / CONFIG_NAME
    project = project_file(start, environ)
    searched = (user,) if project is None else (user, project)
    files = tuple(path for path in searched if _exists(path))
    variables = {
        name: (variable, environ[variable])
        for name, variable in _VARIABLES.items()
        if environ.get(variable)
    }
    if not files and not variables:
        loaded = replace(defaults_with({}), searched=searched)
    else:
        key = cache.key_of(files, variables)
        values, origins = cache.load(key) or _read(user, project, files, variables, key)
        loaded = Loaded(build(values), origins, files, searched)
    return _with_options(loaded, options or {})


def defaults_with(options: Mapping[str, tuple[Any, str]]) -> Loaded:
    """What holds while no file can be used: the defaults, and the command line."""
    origins = {item.name: "default" for item in declared()}
    return _with_options(Loaded(Settings(), origins), options)


_VARIABLES = {
    item.name: item.metadata["environment"] for item in declared() if item.metadata["environment"]
}


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return False
    except OSError:
        pass  # there, but not to be looked at: reading it will say why
    return True


def _read(
    user: Path,
    project: Path | None,
    files: tuple[Path, ...],
    variables: Mapping[str, tuple[str, str]],
    key: cache.CacheKey,
) -> tuple[dict[str, Any], dict[str, str]]:
    from jobshape.app.settings.merge import merge

    result = merge(
        user if user in files else None, project if project in files else None, variables
    )
    cache.save(key, *result)
    return result


def _with_options(loaded: Loaded, options: Mapping[str, tuple[Any, str]]) -> Loaded:
    settings, origins = loaded.settings, dict(loaded.origins)
    for name, (value, option) in options.items():
        section, _, leaf = name.rpartition(".")
        if section:
            changed = replace(value_of(settings, section), **{leaf: value})
            settings = replace(settings, **{section: changed})
        else:
            settings = replace(settings, **{leaf: value})
        origins[name] = f"command line {option}"
    return replace(loaded, settings=settings, origins=origins)
