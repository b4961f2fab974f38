"""The forge's web pages: what a reviewer reads, and that nobody's text becomes anything but text."""

from html.parser import HTMLParser
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftv4.sandbox.markdown import to_html
from ftv4.sandbox.pages import LONG_LINE, MOST_LINES
from tests.forge_sandbox import NAME

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'`{{1234*4321}}"


class Page(HTMLParser):
    """What a browser would make of a page: its tags with their attributes, and its text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.said, self._style = [], "", False
        self.feed(html)
        self.text = " ".join(self.said.split())

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._style = tag == "style"

    def handle_endtag(self, tag):
        self._style = False

    def handle_data(self, data):
        self.said += "" if self._style else data

    def all(self, tag, **wanted):
        return [found for name, found in self.tags if name == tag and wanted.items() <= found.items()]


@pytest.fixture
def pull(sandbox):
    """A pull request by our client, with its page: `pull(title="…").page()`."""

    class Opened:
        def __init__(self, **given):
            proposal = {
                "base": "main",
                "branch": "promote/x",
                "title": "Promote",
                "body": "Body",
                "message": "Promote",
            }
            self.pull = sandbox.forge().propose(
                **proposal | {"files": {"config/models.json": b'{\n  "pin": "b"\n}\n'}} | given
            )
            self.thread = sandbox.github("ada").get_pull(self.pull.number)

        def page(self):
            return Page(sandbox.page(f"/pull/{self.pull.number}"))

    return Opened


def test_a_pull_request_is_a_page(sandbox, pull):
    opened = pull(body="## Verdict\n\n| a | b |\n|---|---|\n| 1 | **2** |", labels=("promotion",))
    opened.thread.create_issue_comment("I looked.")
    sandbox.github("bob").get_pull(1).create_review(body="Good", event="APPROVE")
    sandbox.forge().status(opened.pull.head_sha, "ftv4/gate", "success", "every gate passed")
    sandbox.github().create_check_run("evals", opened.pull.head_sha, conclusion="success", status="completed")

    page = opened.page()

    for words in (
        "Promote #1",
        "Open ftv4-bot wants to merge 1 commit into main from promote/x",
        "ftv4-bot opened this",
        "ada commented",
        "I looked.",
        "bob approved",
        "ftv4/gate every gate passed success",
        "evals completed success",
        "Ready to merge. There are no conflicts with main.",
        "Labels promotion",
        "1 file, +1 \N{MINUS SIGN}1",
        '"pin": "a"',
    ):
        assert words in page.text
    assert page.all("table")
    assert page.all("tr", **{"class": "add"})
    assert page.all("tr", **{"class": "del"})


@pytest.mark.parametrize(
    ("fate", "words"),
    [
        ("merged", "Merged by ftv4-bot as"),
        ("closed", "Closed without merging"),
        ("conflict", "be merged: main changed the same lines of config/models.json"),
        ("failed", "A check failed."),
        ("pending", "Checks are pending."),
    ],
)
def test_a_page_says_how_it_stands(sandbox, pull, fate, words):
    opened = pull()
    forge, sha = sandbox.forge(), opened.pull.head_sha
    if fate == "merged":
        forge.merge(1, expect_sha=sha)
    elif fate == "closed":
        opened.thread.edit(state="closed")
    elif fate == "conflict":
        sandbox.checkout().push({"config/models.json": b"other"})
    else:
        forge.status(sha, "ftv4/gate", "failure" if fate == "failed" else "pending", "x")

    assert words in opened.page().text


def test_nobodys_text_becomes_markup(sandbox, pull):
    """Threat 33: no node of a page comes from a stranger's text, but for Markdown's own."""
    files = {f"a/{EVIL.replace('/', '|')}.txt": f"{EVIL}\n".encode()}
    opened = pull(body=EVIL, files=files, labels=(EVIL[:50],))
    sandbox.github("bob").get_pull(1).edit(title=EVIL)
    opened.thread.create_issue_comment(EVIL)
    sandbox.github("bob").get_pull(1).create_review(body=EVIL, event="COMMENT")
    sandbox.forge().status(opened.pull.head_sha, EVIL, "success", EVIL, url="javascript:alert(1)")
    output = {"title": EVIL, "summary": EVIL}
    sandbox.github().create_check_run(EVIL, opened.pull.head_sha, conclusion="failure", output=output)
    sandbox.checkout().push({"README.md": EVIL.encode()}, EVIL)

    for path in (
        "",
        "/pulls",
        "/pull/1",
        f"/commit/{opened.pull.head_sha}",
        "/tree/main/config",
        "/blob/main/README.md",
    ):
        page = Page(sandbox.page(path))
        names = {name for name, _ in page.tags}
        attributes = {key for _, found in page.tags for key in found}
        links = {found["href"] for found in page.all("a")}
        assert not names & {"script", "img", "iframe", "object", "form"}, path
        assert not any(key.startswith("on") for key in attributes), path
        assert all(link.startswith(("/", "#")) for link in links), path
        assert "5332114" not in page.text, path


def test_pages_load_and_run_nothing(sandbox):
    with urlopen(f"{sandbox.url}/{NAME}") as answer:
        policy = answer.headers["Content-Security-Policy"]

    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_a_hidden_marker_is_hidden(sandbox, pull):
    opened = pull()
    sandbox.forge().comment(1, "<!-- ftv4:gate -->", "Passed")

    assert "ftv4:" not in opened.page().text


def test_a_long_row_is_folded_and_whole(pull):
    row = "x" * 5000
    page = pull(files={"data.jsonl": f"{row}\n".encode()}).page()

    assert f"… {5000 - LONG_LINE:,} more characters" in page.text
    assert page.said.count("x") >= 5000


def test_a_long_diff_is_cut_and_says_so(pull):
    page = pull(files={"data.jsonl": b"row\n" * (MOST_LINES + 500)}).page()

    assert "501 more lines are left out here" in page.text
    assert page.all("details", **{"class": "file card"})[0].get("open", "closed") == "closed"


def test_lists_of_pull_requests(sandbox, pull):
    pull(title="Stays open")
    closed = pull(title="Was closed", branch="b")
    closed.thread.edit(state="closed")

    assert "1 Open 1 Closed Open Stays open" in Page(sandbox.page("/pulls")).text
    assert "Was closed" in Page(sandbox.page("/pulls?state=closed")).text


def test_the_front_page_shows_the_repository(sandbox):
    page = Page(sandbox.page())

    assert "config/ data/ README.md" in page.text
    assert "Latest commits" in page.text
    assert page.all("h1")


def test_files_can_be_read_at_a_branch_with_a_slash(sandbox, pull):
    pull()

    assert '"pin": "b"' in Page(sandbox.page("/blob/promote/x/config/models.json")).said
    assert '"pin": "a"' in Page(sandbox.page("/blob/main/config/models.json")).said


def test_an_empty_repository_says_how_to_begin(empty_sandbox):
    assert "Nothing was pushed yet" in empty_sandbox.page()


@pytest.mark.parametrize("path", ["/pull/9", "/commit/none", "/blob/main/none", "/tree/none/x", "/wiki"])
def test_a_page_that_is_not_there(sandbox, path):
    with pytest.raises(HTTPError) as missing:
        sandbox.page(path)

    missing.value.close()
    assert missing.value.code == 404


# Markdown

KNOWN = {
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "p",
    "a",
    "em",
    "strong",
    "s",
    "code",
    "pre",
    "br",
    "hr",
    "blockquote",
}
KNOWN |= {"ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "details", "summary"}
HTML = (
    "<",
    ">",
    "</",
    "/>",
    "<!--",
    "-->",
    "<![CDATA[",
    "<?",
    "script",
    "details",
    "summary",
    "br",
    "img",
    " ",
)
ATTRIBUTES = ("onclick=", "open", "=", '"', "'", "&lt;", "&#x3c;", "javascript:x", "\0", "\u202e", "x")
MARKS = ("`", "```\n", "[", "](", ")", "<http://a>", "\n", "\n\n", "\\<", "|", "|-|\n", "> [!NOTE]\n", "- ")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(HTML + ATTRIBUTES + MARKS), max_size=30).map("".join))
def test_whatever_is_written_only_known_tags_come_out(text):
    page = Page(to_html(text))

    for name, found in page.tags:
        assert name in KNOWN
        assert set(found) <= {"href", "rel", "title", "class", "start", "style", "open"}
        assert not found.get("href", "").lower().startswith(("javascript:", "data:", "vbscript:"))
        assert found.get("style", "text-align:left") in {
            f"text-align:{side}" for side in ("left", "right", "center")
        }


def test_folded_parts_and_alerts_look_as_readers_expect():
    html = to_html("> [!WARNING]\n> Look\n\n<details>\n<summary>Cases</summary>\n\n- a\n\n</details>\n")

    assert '<blockquote class="alert warning">' in html
    assert "<details>\n<summary>Cases</summary>" in html
    assert "<li>a</li>" in html
