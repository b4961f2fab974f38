"""What each workflow may do, written down a second time: a change to one is a change to both."""

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
PYTHON = "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97"
UPLOAD = "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"
APP = "actions/create-github-app-token@bcd2ba49218906704ab6c1aa796996da409d3eb1"
SETUP, GATE = "$/.github/actions/setup", "$/.github/actions/gate"

READ = {"contents": "read"}
WRITE = {"contents": "write"}
BUY = {"actions": "read", "contents": "write"}
PROPOSE = {"contents": "write", "pull-requests": "write"}
LOOK = {"contents": "write", "pull-requests": "read", "statuses": "read"}
REPORT = {"contents": "read", "pull-requests": "write", "statuses": "write"}
KNOWN = {"id-token": "write"}
"""Lets a job say who it is: in jobs with an environment that main alone enters, and in their callers."""

PERMISSIONS = {
    ("ci", "check"): READ,
    ("ci", "test"): READ,
    ("doctor", "doctor"): {"actions": "read", "contents": "read", "pull-requests": "read"} | KNOWN,
    ("evaluate", "evaluate"): WRITE | KNOWN,
    ("finetune", "launch"): BUY | KNOWN,
    ("finetune", "plan"): READ,
    ("gate-preview", "gate"): READ,
    ("promote", "named"): PROPOSE | KNOWN,
    ("promote", "waiting"): PROPOSE | KNOWN,
    ("reconcile", "evaluate"): WRITE | KNOWN,
    ("reconcile", "follow"): LOOK | KNOWN,
    ("reconcile", "propose"): PROPOSE | KNOWN,
    ("reconcile", "verdict"): REPORT | KNOWN,
    ("rollback", "rollback"): PROPOSE | KNOWN,
    ("verdict", "judge"): {"contents": "read", "pull-requests": "read"},
    ("verdict", "report"): REPORT | KNOWN,
}
APP_MAY = {
    ("evaluate", "evaluate"): WRITE,
    ("finetune", "launch"): BUY,
    ("promote", "named"): PROPOSE,
    ("promote", "waiting"): PROPOSE,
    ("reconcile", "follow"): LOOK,
    ("rollback", "rollback"): PROPOSE,
    ("verdict", "report"): {"pull-requests": "write", "statuses": "write"},
}
"""What the App's token may do, in the jobs that make one."""

ENVIRONMENTS = {
    ("doctor", "doctor"): "ftv4-watch",
    ("evaluate", "evaluate"): "ftv4-eval",
    ("finetune", "launch"): "ftv4-paid",
    ("promote", "named"): "ftv4-bot",
    ("promote", "waiting"): "ftv4-bot",
    ("reconcile", "follow"): "ftv4-watch",
    ("rollback", "rollback"): "ftv4-bot",
    ("verdict", "report"): "ftv4-bot",
}
SECRETS = {
    "doctor": {"OPENAI_API_KEY"},
    "evaluate": {"FTV4_APP_KEY", "OPENAI_API_KEY"},
    "finetune": {"FTV4_APP_KEY", "OPENAI_API_KEY"},
    "promote": {"FTV4_APP_KEY", "OPENAI_API_KEY"},
    "reconcile": {"FTV4_APP_KEY", "OPENAI_API_KEY"},
    "rollback": {"FTV4_APP_KEY", "OPENAI_API_KEY"},
    "verdict": {"FTV4_APP_KEY"},
}

PULL = "${{ github.event.pull_request.number || github.ref }}"
CONCURRENCY = {
    "ci": {"group": f"ci-{PULL}", "cancel-in-progress": "true"},
    "doctor": {"group": "ftv4-doctor", "cancel-in-progress": "true"},
    "evaluate": {"group": "ftv4-evaluate", "cancel-in-progress": "false"},
    "gate-preview": {"group": f"gate-preview-{PULL}", "cancel-in-progress": "true"},
    "promote": {
        "group": "ftv4-promote-${{ inputs.stage || 'waiting' }}",
        "cancel-in-progress": "false",
        "queue": "max",
    },
    "reconcile": {"group": "ftv4-reconcile", "cancel-in-progress": "false"},
    "rollback": {
        "group": "ftv4-promote-${{ inputs.stage }}",
        "cancel-in-progress": "false",
        "queue": "max",
    },
    "verdict": {
        "group": "verdict-${{ github.event.workflow_run.head_sha || inputs.pr }}",
        "cancel-in-progress": "true",
    },
    "finetune.plan": {"group": "finetune-plan-${{ github.run_id }}"},
    "finetune.launch": {"group": "ftv4-paid", "cancel-in-progress": "false", "queue": "max"},
}
"""Workflow, or workflow.job where a job alone must wait."""

TRIGGERS = {
    "ci": {"pull_request": "", "merge_group": "", "push": {"branches": ["main"]}},
    "doctor": {"schedule": [{"cron": "23 6 * * 1"}], "workflow_dispatch": ""},
    "evaluate": {"workflow_call": ...},
    "finetune": {"workflow_dispatch": ...},
    "gate-preview": {"pull_request": "", "merge_group": ""},
    "promote": {"workflow_call": ..., "workflow_dispatch": ...},
    "reconcile": {
        "schedule": [{"cron": "7,37 * * * *"}],
        "push": {"branches": ["main"]},
        "workflow_dispatch": "",
    },
    "rollback": {"workflow_dispatch": ...},
    "verdict": {
        "workflow_run": {"workflows": ["gate-preview"], "types": ["completed"]},
        "workflow_call": ...,
        "workflow_dispatch": ...,
    },
}
"""`...` has inputs, secrets or outputs, which are below."""

STAGES = ["quant_signals", "emyth_owner_load", "competitive_lens", "blue_ocean", "synthesis_decision"]
STAGE = {"type": "choice", "required": "true", "options": STAGES}
TEXT, NUMBER = {"type": "string"}, {"type": "number"}
NEEDED = {"required": "true"}
YES, NO = {"type": "boolean", "default": "true"}, {"type": "boolean", "default": "false"}
INPUTS = {
    "finetune": {
        "stage": STAGE,
        "suffix": TEXT | NEEDED,
        "dataset": TEXT,
        "base_model": TEXT,
        "provider": TEXT | {"default": "openai"},
        "n_epochs": NUMBER,
        "learning_rate_multiplier": NUMBER,
        "seed": NUMBER,
        "approved_only": YES,
        "min_rows": NUMBER,
        "notes": TEXT,
        "again": NO,
        "dry_run": YES,
    },
    "promote": {
        "stage": STAGE,
        "model": TEXT | NEEDED,
        "dataset": TEXT,
        "notes": TEXT,
        "force": NO,
        "reason": TEXT,
    },
    "rollback": {"stage": STAGE, "to": TEXT | NEEDED | {"default": "previous"}, "reason": TEXT | NEEDED},
    "verdict": {"pr": NUMBER | NEEDED},
}
CALLS = {
    ("reconcile", "evaluate"): "evaluate",
    ("reconcile", "propose"): "promote",
    ("reconcile", "verdict"): "verdict",
}
CALLED = {
    "evaluate": {
        "secrets": ("FTV4_APP_KEY", "OPENAI_API_KEY"),
        "outputs": {"propose": "${{ jobs.evaluate.outputs.propose }}"},
    },
    "promote": {"secrets": ("FTV4_APP_KEY", "OPENAI_API_KEY")},
    "verdict": {"secrets": ("FTV4_APP_KEY",), "inputs": INPUTS["verdict"]},
}
"""What a called workflow asks for and says; secrets are its own environment's."""
TOLD = {("reconcile", "verdict"): {"pr": "${{ matrix.pr }}"}}
"""What a call says."""
EACH = {
    ("reconcile", "verdict"): {
        "fail-fast": "false",
        "matrix": {"pr": "${{ fromJSON(needs.follow.outputs.unjudged || '[0]') }}"},
    }
}
"""Jobs that run once for each."""

CONDITIONS = {
    ("finetune", "launch"): "inputs.dry_run == false",
    ("promote", "named"): "${{ inputs.stage }}",
    ("promote", "waiting"): "${{ !inputs.stage }}",
    ("reconcile", "evaluate"): "${{ !cancelled() && needs.follow.outputs.evaluate > 0 }}",
    ("reconcile", "propose"): (
        "${{ !cancelled() && (needs.follow.outputs.propose > 0 || needs.evaluate.outputs.propose > 0) }}"
    ),
    ("reconcile", "verdict"): "${{ !cancelled() && needs.follow.outputs.unjudged != '' }}",
    ("verdict", "report"): "needs.judge.outputs.verdict != ''",
}
NEEDS = {
    ("finetune", "launch"): "plan",
    ("reconcile", "evaluate"): "follow",
    ("reconcile", "propose"): ["follow", "evaluate"],
    ("reconcile", "verdict"): "follow",
    ("verdict", "report"): "judge",
}
RUNS = {
    "ci.test": ["make test"],
    "ci.check": ["make check"],
    "doctor.doctor": ["ftv4 ops doctor --summary=true"],
    "evaluate.evaluate": ["ftv4 ops reconcile --do=evaluate --summary=true"],
    "finetune.plan": ["ftv4 dispatch ft stage --dry-run=true --summary=true"],
    "finetune.launch": ['ftv4 dispatch ft stage --run-key="$RUN_KEY" --follow=false --summary=true'],
    "promote.named": ["ftv4 dispatch promote --open-pr=true"],
    "promote.waiting": ["ftv4 ops reconcile --do=propose --summary=true"],
    "reconcile.follow": ["ftv4 ops reconcile --do=follow --unjudged=true --summary=true"],
    "rollback.rollback": ["ftv4 dispatch rollback --open-pr=true"],
    "verdict.judge": ["ftv4 verdict judge"],
    "verdict.report": ["ftv4 verdict report"],
    "gate": ['ftv4 gate --base="$BASE" --head="$HEAD" --summary=true --format=github'],
    "setup": [
        'echo "::remove-matcher owner=python::"',
        "python -m pip install --quiet --disable-pip-version-check --only-binary=:all: --require-hashes "
        '--requirement "$GITHUB_ACTION_PATH/../../../requirements.txt"',
        "python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation "
        '"$GITHUB_ACTION_PATH/../../.."',
    ],
}
APP_MADE = "vars.FTV4_APP_ID != '' && vars.FTV4_STS_URL == ''"
"""The App's token is made of its key, unless a token service makes it."""


def token(policy):
    """What opens the forge: the job's or the App's token, or what a service gives by the policy of a name."""
    service = {"FTV4_STS_URL": "${{ vars.FTV4_STS_URL }}", "FTV4_STS_IDENTITY": policy}
    return {"GITHUB_TOKEN": "${{ steps.app.outputs.token || github.token }}"} | service


KEY = {
    "OPENAI_API_KEY": "${{ secrets.OPENAI_API_KEY }}",
    "OPENAI_IDENTITY_PROVIDER_ID": "${{ vars.OPENAI_IDENTITY_PROVIDER_ID }}",
    "OPENAI_SERVICE_ACCOUNT_ID": "${{ vars.OPENAI_SERVICE_ACCOUNT_ID }}",
}
"""What opens the provider: a key, or the ids by which it knows the job."""
PULL_ASKED = {"FTV4_PULL": "${{ inputs.pr }}"}
ENV = {
    "doctor.doctor": {"FTV4_APP_ID": "${{ vars.FTV4_APP_ID }}", "GITHUB_TOKEN": "${{ github.token }}", **KEY},
    "evaluate.evaluate": token("ftv4-eval") | KEY,
    "finetune.launch": token("ftv4-paid") | KEY | {"RUN_KEY": "${{ needs.plan.outputs.key }}"},
    "promote.named": token("ftv4-bot") | KEY,
    "promote.waiting": token("ftv4-bot") | KEY,
    "reconcile.follow": token("ftv4-watch") | KEY,
    "rollback.rollback": token("ftv4-bot") | KEY,
    "verdict.judge": {"GITHUB_TOKEN": "${{ github.token }}"} | PULL_ASKED,
    "verdict.report": {"FTV4_VERDICT": "${{ needs.judge.outputs.verdict }}"} | PULL_ASKED | token("ftv4-bot"),
    "gate": {"BASE": "${{ inputs.base }}", "HEAD": "${{ inputs.head }}"},
}
"""The variables of a job's commands; those that aren't here have none."""
OUTPUTS = {
    ("evaluate", "evaluate"): {"propose": "${{ steps.evaluate.outputs.propose }}"},
    ("finetune", "plan"): {"key": "${{ steps.plan.outputs.key }}"},
    ("reconcile", "follow"): {
        "evaluate": "${{ steps.follow.outputs.evaluate }}",
        "propose": "${{ steps.follow.outputs.propose }}",
        "unjudged": "${{ steps.follow.outputs.unjudged }}",
    },
    ("verdict", "judge"): {"verdict": "${{ steps.judge.outputs.verdict }}"},
}
FULL_HISTORY = {"gate-preview.gate", "rollback.rollback", "verdict.judge"}
"""Jobs that look back from the commit they check out."""
NEWEST = {"finetune.launch": "${{ github.event.repository.default_branch }}"}
"""Jobs that may start long after the run did, and check out main as it is then."""

RUN = "train/finetune_runs/${{ inputs.stage }}/${{ steps.%s.outputs.run }}"
WITH = {
    ("ci.check", PYTHON): {"python-version": "3.11"},
    ("ci.test", PYTHON): {"python-version": "3.11"},
    ("finetune.launch", UPLOAD): {"name": "run", "path": RUN % "launch", "if-no-files-found": "error"},
    ("finetune.plan", UPLOAD): {"name": "plan", "path": RUN % "plan", "if-no-files-found": "error"},
    ("gate-preview.gate", GATE): {
        "base": "${{ github.event.pull_request.base.sha || github.event.merge_group.base_sha }}",
        "head": "${{ github.event.pull_request.head.sha || github.event.merge_group.head_sha }}",
    },
    ("setup", PYTHON): {"python-version": "3.11"},
}
"""What actions are told, but for checkouts and the App's token."""
