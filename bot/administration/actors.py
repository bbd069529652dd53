"""Who administers, and what they may. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from models.enums import Role
from models.values import Operator


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, or whoever runs the command line and so holds the database anyway."""

    name: str  # as the audit has it: "user:<id>", "cli:<login>", "system"
    tenant: str
    person: Operator | None = None

    @classmethod
    def of(cls, operator: Operator) -> Actor:
        return cls(f"user:{operator.id}", operator.tenant, operator)

    @classmethod
    def command_line(cls, login: str, tenant: str) -> Actor:
        return cls(f"cli:{login}"[:120], tenant)

    @property
    def everywhere(self) -> bool:
        """Whether this actor administers every tenant."""
        return self.person is None or self.person.role is Role.PLATFORM_ADMIN

    def may_read(self, tenant: str) -> bool:
        """Whether this actor may read what everybody of the tenant may read."""
        return self.everywhere or self.tenant == tenant

    def administers(self, tenant: str) -> bool:
        return self.person is None or self.person.administers(tenant)

    def may_change_agent(self, tenant: str, creator_id: UUID) -> bool:
        """Creators their own agents, admins those of their tenant."""
        return self.administers(tenant) or (self.person is not None and self.person.id == creator_id)

    def may_set_role(self, tenant: str, present: Role, wanted: Role) -> bool:
        """A tenant's admin neither makes nor unmakes admins of the platform."""
        return self.everywhere or (self.administers(tenant) and Role.PLATFORM_ADMIN not in (present, wanted))
