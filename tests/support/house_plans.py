"""Asking plans of a running house."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from models.asking import AskingPlanVersion
from tests.support.service import RunningHouse


async def write_plan(house: RunningHouse, plan: Mapping[str, Any]) -> None:
    """In force for every question asked from now on."""
    version = 1 + await AskingPlanVersion.filter(tenant="default").count()
    await AskingPlanVersion.create(
        tenant="default", version=version, document=json.dumps(plan), author="test", created_at=house.clock.now()
    )
