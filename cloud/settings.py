"""What can be set: by environment (``KAOQIN_CLOUD_*``), a TOML file, or the command line; the last one wins.

Only composition roots read this. docs/reference/settings.md is made from it.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from cloud.errors import CloudError

ENV_PREFIX = "KAOQIN_CLOUD_"


class BadSettings(CloudError):
    """A setting cannot be used; the message names it and says why."""


class Settings(BaseSettings):
    """Settings of the cloud service."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True)

    state: Path = Field(
        Path("kaoqin-state"), description="Directory of the keys, and of the database if it is SQLite."
    )
    database_url: str = Field(
        "",
        description="`sqlite:////path/kaoqin.db` or `postgresql+psycopg://user@host/name`. "
        "Empty: `kaoqin.db` in the state directory.",
    )
    broker_url: str = Field(
        "embedded://127.0.0.1:1883",
        description="MQTT broker: `embedded://127.0.0.1:PORT` starts one for this machine (port 0: any free "
        "one), `mqtt://` or `mqtts://USER:PASSWORD@HOST:PORT` use yours.",
    )
    ingest: bool = Field(
        default=True,
        description="Whether `serve` takes punches from the broker; if not, `kaoqin-cloud ingest` has to.",
    )
    public_broker_url: str = Field(
        "", description="What terminals are told when they are claimed. Empty: `broker_url` without secrets."
    )
    broker_certificate: Path | None = Field(
        None,
        description="Key, certificate and authority to log in to `mqtts://` with. Empty: `worker.pem` in the "
        "state directory, where `kaoqin-cloud broker config` put it, if it is there.",
    )
    broker_directory: Path | None = Field(
        None,
        description="Where `kaoqin-cloud broker config` put the broker's files. Empty: `broker` in the state "
        "directory.",
    )
    certificate_days: int = Field(
        365, ge=3, le=3650, description="How long a terminal's certificate is good; renewed at two thirds."
    )
    host: str = Field("127.0.0.1", description="Address to serve on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to serve on; 0: any free one.")
    zone: str = Field("Asia/Shanghai", description="Time zone in which dates are local (IANA name).")

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"there is no time zone {name!r}") from error
        return name

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line, then environment, then defaults; ``load`` adds the file."""
        del settings_cls, dotenv_settings, file_secret_settings
        return init_settings, env_settings

    @property
    def tzinfo(self) -> ZoneInfo:
        """``zone`` as an object."""
        return ZoneInfo(self.zone)

    @property
    def broker_files(self) -> Path:
        """The directory of the broker's files."""
        return self.broker_directory or self.state / "broker"

    @property
    def worker_certificate(self) -> Path | None:
        """The file to log in to the broker with, if there is one."""
        made = self.state / "worker.pem"
        return self.broker_certificate or (made if made.exists() else None)

    @property
    def certificate_life(self) -> timedelta:
        """``certificate_days`` as a span."""
        return timedelta(days=self.certificate_days)

    @property
    def database(self) -> str:
        """The database to open."""
        return self.database_url or f"sqlite:///{self.state.resolve() / 'kaoqin.db'}"


def load(file: Path | None = None, **given: object) -> Settings:
    """The settings of the environment and ``file``, with what was ``given`` (None: not) over them.

    Raises:
        BadSettings: a value cannot be used, or the file cannot be read.
    """
    values = {name: value for name, value in given.items() if value is not None}
    try:
        if file is None:
            return Settings(**values)  # type: ignore[arg-type]
        return _from_file(file)(**values)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise BadSettings(f"setting {name}: {first['msg']}") from error
    except (OSError, ValueError) as error:
        raise BadSettings(f"settings file {file}: {error}") from error


def _from_file(file: Path) -> type[Settings]:
    if not file.is_file():
        raise BadSettings(f"settings file {file}: there is none")

    class FromFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del dotenv_settings, file_secret_settings
            return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)

    return FromFile
