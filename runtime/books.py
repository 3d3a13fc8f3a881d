"""Opens the use cases that need the database alone: no provider, no graph, no Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from app.money.budgets import SpendingLimits
from app.money.costs import Costs
from app.money.prices import PriceList
from app.people.keys import Keyring, need_a_key
from app.people.members import Staff
from app.people.organizations import OrganizationBook
from domain.tiers import organization_name
from domain.worlds import World
from gateway.providers.prices import shipped_prices
from runtime.database import open_database
from runtime.settings import Settings
from store.content.runs import Runs
from store.content.tenants import Tenants
from store.database import Database
from store.money.budgets import Budgets
from store.money.ledger import Ledger
from store.money.prices import Prices
from store.money.reconcile import Reconciler
from store.money.usage import UsageRecords
from store.people.keys import Keys
from store.people.members import Members
from store.people.organizations import Organizations


@dataclass(frozen=True)
class Books:
    """What was spent and may be spent in one world, and by whom."""

    settings: Settings
    database: Database
    world: World

    @property
    def costs(self) -> Costs:
        return Costs(
            self.settings.organization,
            ledgers={world: self._ledger(world) for world in World},
            usage=UsageRecords(self.database, world=self.world),
            runs=Runs(self.database),
            tenants=Tenants(self.database),
            world=self.world,
        )

    def limits(self, organization: str | None = None) -> SpendingLimits:
        """Return the budgets of an organization; without one, of this one."""
        return SpendingLimits(
            self._named(organization),
            budgets={world: self._budgets(world) for world in World},
            runs=Runs(self.database),
            world=self.world,
        )

    @property
    def organizations(self) -> OrganizationBook:
        return OrganizationBook(Organizations(self.database))

    def staff(self, organization: str | None = None) -> Staff:
        """Return the members of an organization; without one, of this one."""
        return Staff(self._named(organization), Members(self.database))

    def keyring(self, organization: str | None = None) -> Keyring:
        """Return the keys of an organization; without one, of this one."""
        return Keyring(
            self._named(organization),
            keys=Keys(self.database),
            members=Members(self.database),
            tenants=Tenants(self.database),
        )

    async def need_a_key(self, host: str) -> None:
        """Check that a server may listen on an address that others reach. Raises as `app.people.keys.need_a_key`."""
        await need_a_key(Keys(self.database), host)

    def _named(self, organization: str | None) -> str:
        return self.settings.organization if organization is None else organization_name(organization)

    @property
    def prices(self) -> PriceList:
        return PriceList(Prices(self.database))

    @property
    def reconciler(self) -> Reconciler:
        """The ledger's side of a comparison with a bill; of every organization of the database."""
        return Reconciler(self.database, self._ledger(self.world))

    def _ledger(self, world: World) -> Ledger:
        limit = self.settings.monthly_budget_micro
        return Ledger(self.database, default_limit_micro=limit, world=world)

    def _budgets(self, world: World) -> Budgets:
        limit = self.settings.monthly_budget_micro
        return Budgets(self.database, default_limit_micro=limit, world=world)

    async def of(self, world: World | None) -> Books:
        """Return the books of a world; without one, of real providers where they are used or ever were."""
        played = self.settings.world is World.SANDBOX
        if played and world is None and not await self._budgets(World.REAL).any(self.settings.organization):
            world = World.SANDBOX
        return replace(self, world=world or World.REAL)


@asynccontextmanager
async def open_books(
    settings: Settings, *, prices: bool = False, world: World | None = None
) -> AsyncIterator[Books]:
    """Open the books of an organization.

    Args:
        settings: What to open.
        prices: Bring in the price rows that come with the product before.
        world: Of which; without it, see `Books.of`.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    async with open_database(settings) as database:
        if prices:
            await Prices(database).load_shipped(shipped_prices())
        yield await Books(settings, database, settings.world).of(world)
