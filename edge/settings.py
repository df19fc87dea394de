"""Settings of the terminal: command line, then ``KAOQIN_EDGE_*``, then a TOML file, then the defaults here.

Only the composition root and the commands read them.
"""

from __future__ import annotations

import os
from pathlib import Path
from tomllib import TOMLDecodeError

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from edge.errors import BadSettings
from edge.kiosk.names import NameStyle

FILE_VARIABLE = "KAOQIN_EDGE_SETTINGS"
DEFAULT_FILE = Path("/etc/kaoqin/edge.toml")


class EdgeSettings(BaseSettings):
    """What a site may choose."""

    model_config = SettingsConfigDict(env_prefix="KAOQIN_EDGE_", extra="forbid", frozen=True)

    state: Path = Field(
        Path("/var/lib/kaoqin"), description="folder of the ledger, gallery, roster and identity"
    )
    camera: str = Field("none", description='"0" to "9" a webcam, "replay:SOCKET" a replay, "none"')
    sensor: str = Field("none", description='serial port of the fingerprint sensor, or "none"')
    kiosk_port: int = Field(8090, ge=0, le=65535, description="port of the screen's page on this machine")
    broker_url: str | None = Field(
        None, description="mqtt:// or mqtts://; else what the cloud said at the claim"
    )
    names: NameStyle = Field(
        NameStyle.FULL, description='"full" or "initial": what the screen shows of a name'
    )
    repeat_window_s: float = Field(60, ge=0, le=3600, description="a second punch within it is the first one")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line, environment, file."""
        del dotenv_settings, file_secret_settings
        file = TomlConfigSettingsSource(settings_cls, toml_file=_file())
        return init_settings, env_settings, file


def load_settings(**chosen: str | float | Path | None) -> EdgeSettings:
    """The settings, with what the command line chose; None is not chosen.

    Raises:
        BadSettings: a value is wrong, or the file cannot be read.
    """
    try:
        return EdgeSettings(**{name: value for name, value in chosen.items() if value is not None})  # type: ignore[arg-type]  # checked by pydantic
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadSettings(f"setting {where}: {first['msg']}") from error
    except (TOMLDecodeError, OSError) as error:
        raise BadSettings(f"settings file {_file()}: {error}") from error


def _file() -> Path:
    chosen = os.environ.get(FILE_VARIABLE)
    if chosen is not None and not Path(chosen).is_file():
        raise BadSettings(f"settings file {chosen}: there is none")
    return Path(chosen or DEFAULT_FILE)
