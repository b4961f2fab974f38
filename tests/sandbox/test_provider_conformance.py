"""Every exchange of a whole job's life fits the API's own published description."""

import openai
import pytest

from ftv4.sandbox.provider import provider_app
from tests.descriptions import Description, Recorder
from tests.sandbox.provider_server import BASE, SCHEMA, Clock, form, served


def live_through(sandbox):
    """One job of each ending, looked at in every state, and each way to ask a model."""
    jobs = sandbox.sdk.fine_tuning.jobs
    method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}
    good = sandbox.job(metadata={"a": "b"}, seed=3, method=method)
    bad = sandbox.job(training_file=sandbox.upload(b"{}\n"))
    stopped = jobs.cancel(sandbox.job().id)
    for _ in range(6):
        for job in (good, bad, stopped):
            sandbox.sdk.files.retrieve(jobs.retrieve(job.id).training_file)
            list(jobs.list_events(job.id))
            list(jobs.checkpoints.list(job.id))
        sandbox.clock.turn(0.2)
    files = list(sandbox.sdk.files.list(limit=1, purpose="fine-tune"))
    sandbox.sdk.files.delete(files[-1].id)
    list(jobs.list(limit=1))
    list(jobs.list(metadata={"a": "b"}))
    tuned = jobs.retrieve(good.id).fine_tuned_model
    list(sandbox.sdk.models.list())
    sandbox.ask(
        tuned, {"n": 4}, response_format=form(SCHEMA), max_completion_tokens=20, temperature=0, seed=1
    )
    sandbox.ask(BASE, {}, max_tokens=1)
    sandbox.sdk.responses.create(model=tuned, input="{}")
    text = {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA, "strict": True}}
    asked = [{"role": "user", "content": "x"}]
    sandbox.sdk.responses.create(
        model=BASE, input=asked, instructions="y", max_output_tokens=16, metadata={"q": "r"}, text=text
    )
    with pytest.raises(openai.BadRequestError):
        sandbox.job(model="nope")


def test_every_exchange_fits_the_published_description(tmp_path):
    clock = Clock()
    recorder = Recorder(provider_app(tmp_path, clock=clock))
    with served(recorder, clock) as sandbox:
        live_through(sandbox)
    described = Description("openai", base="/v1")
    taken = [one for one in recorder.exchanges if one["status"] < 400]

    assert len(taken) > 60
    assert [line for one in taken for line in described.problems(one)] == []
