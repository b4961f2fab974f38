"""A dataset is judged on a Dask cluster as it is here."""

import json

import pytest

from ftv4.clients import cluster as door
from ftv4.clients.cluster import cluster
from ftv4.errors import ServiceError, UsageError
from tests.gates.build import lines, row, varied


@pytest.fixture(scope="module")
def dask():
    distributed = pytest.importorskip("distributed", reason="the dask extra is not installed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    ) as local:
        yield local.scheduler_address.replace("tcp://", "dask://")


def test_a_cluster_finds_what_one_process_does(ftv4, repository, dask, monkeypatch):
    monkeypatch.setattr("ftv4.documents.STRETCH", 20_000)
    rows = varied(60)
    rows += [b"{broken", row("synthesis_decision", approved=False), *rows[:2]]
    repository.write("rows.jsonl", lines(*rows))

    here, there = (
        ftv4("gate", "rows.jsonl", "--format=json", *more) for more in ((), (f"--executor={dask}",))
    )

    assert there == here
    assert json.loads(there.out)


@pytest.mark.parametrize("found", [{}, {"tcp://one": door.code(), "tcp://two": "another"}])
def test_workers_with_other_code_are_refused(found):
    with pytest.raises(ServiceError):
        door._must_be_ours(found)


def test_a_cluster_out_of_reach_is_an_error_that_names_it(monkeypatch):
    pytest.importorskip("distributed", reason="the dask extra is not installed")
    monkeypatch.setattr(door, "PATIENCE", 1)

    with pytest.raises(ServiceError, match=r"127\.0\.0\.1:9: "), cluster("dask://127.0.0.1:9"):
        pass


@pytest.mark.parametrize("address", ["127.0.0.1:8786", "dask://", "tcp://127.0.0.1:8786"])
def test_other_addresses_are_refused(address):
    with pytest.raises(UsageError, match="dask://HOST:PORT"), cluster(address):
        pass
