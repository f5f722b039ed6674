"""The workflows on GitHub: what they run, and with which rights."""

import re
from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[1] / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.y*ml"))
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")

each_workflow = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def read(path):
    return yaml.safe_load(path.read_text("utf-8"))


def steps(job):
    return job.get("steps", [])


def writes(permissions):
    """Return what may be written with these permissions."""
    if isinstance(permissions, str):
        return {"everything"} if permissions == "write-all" else set()
    return {name for name, right in (permissions or {}).items() if right == "write"}


def test_there_are_workflows():
    assert {path.name for path in FILES} >= {"test.yml", "pages.yml"}


@each_workflow
def test_every_action_is_pinned_by_its_commit_and_names_its_version(path):
    used = re.findall(r"^\s*(?:- )?uses: *(.*)$", path.read_text("utf-8"), re.MULTILINE)
    assert used
    loose = [
        line
        for line in used
        if not re.fullmatch(PINNED.pattern + r" # v\d+\.\d+\.\d+", line)
    ]
    assert loose == []


def test_one_action_has_one_commit_everywhere():
    jobs = (job for path in FILES for job in read(path)["jobs"].values())
    used = {step["uses"] for job in jobs for step in steps(job) if "uses" in step}
    names = [name.split("@")[0] for name in used]
    assert len(names) == len(set(names)), sorted(used)


@each_workflow
def test_code_of_the_project_runs_with_the_right_to_read_alone(path):
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        if any("run" in step for step in steps(job)):
            assert writes(job.get("permissions")) == set(), name


@each_workflow
def test_code_of_the_project_finds_no_credentials_of_the_checkout(path):
    for job in read(path)["jobs"].values():
        for step in steps(job):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_site_is_published_by_a_job_that_runs_nothing_else():
    jobs = read(FOLDER / "pages.yml")["jobs"]
    rights = {name: writes(job.get("permissions")) for name, job in jobs.items()}
    assert rights == {"build": set(), "deploy": {"pages", "id-token"}}
    (step,) = jobs["deploy"]["steps"]
    assert step["uses"].startswith("actions/deploy-pages@")
    assert jobs["deploy"]["needs"] == "build"
    assert any("upload-pages" in step.get("uses", "") for step in steps(jobs["build"]))
