"""Where shards run: in this process, or as Ray actors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from data.errors import AutoGraphError, BackendError
from graph.sample.part import Part, Shard


class Carrier(Protocol):
    """Runs shards somewhere; a shard is called by its number."""

    def start(self, shard: int) -> None:
        """Starts it, again if need be."""

    def ask(self, shard: int, what: str, *about: Any) -> Any:
        """Begins to call a method of it; what comes back is for `wait`."""

    def wait(self, asked: Any) -> Any:
        """What the method answered.

        Raises:
            GoneError: there is no shard any more.
        """

    def stop(self, shard: int) -> None:
        """Ends it."""


class GoneError(Exception):
    """A shard does not answer any more, and why."""


class InProcess:
    """Shards in this process: for tests, and to see what a split costs."""

    def __init__(self, parts: Sequence[Part | Path]) -> None:
        self._parts = parts
        self._shards: dict[int, Shard] = {}

    def start(self, shard: int) -> None:
        """Opens its part."""
        self._shards[shard] = Shard(self._parts[shard])

    def ask(self, shard: int, what: str, *about: Any) -> Any:
        """The call itself, to be made."""
        return shard, what, about

    def wait(self, asked: Any) -> Any:
        """Makes the call."""
        shard, what, about = asked
        if shard not in self._shards:
            raise GoneError("it was stopped")
        return getattr(self._shards[shard], what)(*about)

    def stop(self, shard: int) -> None:
        """Forgets it."""
        self._shards.pop(shard, None)


class OnRay:
    """Shards as Ray actors, wherever Ray puts them; all machines must see the folders.

    Args:
        parts: Where each is stored.
        address: Of a running cluster; one is started on this machine without.
        cpus: That Ray keeps free for each shard.

    Raises:
        BackendError: Ray is not installed, or cannot be reached.
    """

    def __init__(self, parts: Sequence[Path], address: str | None = None, cpus: float = 0) -> None:
        try:
            import ray
        except ImportError as error:
            raise BackendError(
                "Shards on Ray need Ray, which is not here. Install it on every machine with: "
                'pip install "autograph-rec[ray]".'
            ) from error
        if not ray.is_initialized():
            where = {"address": "local", "include_dashboard": False} if address is None else {}
            try:
                ray.init(**{"address": address, **where}, log_to_driver=False)
            except (ConnectionError, RuntimeError, ValueError) as error:
                said = str(error).partition("\n")[0]
                raise BackendError(
                    f"Ray cannot be reached: {said} Look with: ray status"
                ) from error
        self._ray, self._parts = ray, parts
        self._remote = ray.remote(num_cpus=cpus, max_restarts=0)(Shard)
        self._actors: dict[int, Any] = {}

    def start(self, shard: int) -> None:
        """A new actor on its part."""
        self.stop(shard)
        self._actors[shard] = self._remote.remote(self._parts[shard].absolute())

    def ask(self, shard: int, what: str, *about: Any) -> Any:
        """The reference to an answer that is being made."""
        return getattr(self._actors[shard], what).remote(*about) if shard in self._actors else None

    def wait(self, asked: Any) -> Any:
        """The answer, when it is there."""
        if asked is None:
            raise GoneError("it was stopped")
        errors = self._ray.exceptions
        try:
            return self._ray.get(asked)
        except errors.RayTaskError as error:
            raise error.cause if isinstance(error.cause, AutoGraphError) else error from None
        except (errors.RayActorError, errors.ObjectLostError, errors.OwnerDiedError) as error:
            raise GoneError(str(error).strip().partition("\n")[0]) from error

    def stop(self, shard: int) -> None:
        """Kills its actor."""
        actor = self._actors.pop(shard, None)
        if actor is not None:
            self._ray.kill(actor)
