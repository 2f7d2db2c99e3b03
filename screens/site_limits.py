"""The limits of the site, asked once and kept for a while: they seldom change."""

from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.limits import SiteLimits
from jobshape.screens.ports import Actions, Clock

KEPT_S = 600.0


class KnownLimits:
    """Asks the site for its limits when they are first needed."""

    def __init__(self, actions: Actions, clock: Clock) -> None:
        self._actions = actions
        self._clock = clock
        self._asked_at = 0.0
        self.found: SiteLimits | None = None

    async def get(self) -> SiteLimits:
        """The limits; without any, and with the problem, where the site does not tell."""
        if self.found is None or self._clock() - self._asked_at > KEPT_S:
            try:
                found = await self._actions.call("limits")
            except JobshapeError as error:
                return SiteLimits(problem=error.what)
            assert isinstance(found, SiteLimits)
            self.found, self._asked_at = found, self._clock()
        return self.found
