from __future__ import annotations

import pytest
from sqlalchemy import Table

from store.schema import metadata

SHARED = {"organizations", "prices", "prompt_templates", "prompt_labels", "workers"}
"""Tables whose rows belong to nobody, or are the organizations themselves."""


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_every_tenant_table_names_the_organization_in_each_row(table: Table) -> None:
    if table.name in SHARED:
        return
    assert not table.c.organization_id.nullable


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_every_moment_is_kept_with_its_time_zone(table: Table) -> None:
    moments = [column for column in table.columns if "DATETIME" in str(column.type).upper()]
    assert all(column.type.timezone for column in moments)  # type: ignore[attr-defined]


def test_all_tables_of_the_product_are_known_after_one_import() -> None:
    assert {"runs", "personas", "decisions", "jobs", "attempts", "budgets", "prices"} <= set(metadata.tables)
