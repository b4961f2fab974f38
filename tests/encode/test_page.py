"""The model of the forge sees what GitHub would act upon; an oracle that sees nothing proves nothing."""

import pytest

from tests.encode.page import PLACES, acts, escapes


@pytest.mark.parametrize("place", PLACES)
def test_a_plain_code_span_is_one_everywhere(place):
    assert escapes({place: "`plain ] ( * _ ~ $ :tada: \\`"}) == []
    assert escapes({place: "` `"}) == []
    assert escapes({place: "` a `"}) == []


@pytest.mark.parametrize(
    ("place", "span"),
    [
        ("paragraph", "`a` **b** `c`"),
        ("paragraph", "`a` https://e.test `c`"),
        ("paragraph", "`a` www.e.test `c`"),
        ("paragraph", "`a` ~~b~~ `c`"),
        ("paragraph", "`a` <b> `c`"),
        ("paragraph", "`a` ![x](y) `c`"),
        ("alone", "``` a"),
        ("alone", "`a`\n\n# b"),
        ("cell", "`a|b`"),
        ("cell", "`a`\n`b`"),
        ("link", "`]:https`"),
        ("html", "`</summary>\n\n<b>`"),
        ("paragraph", "no code"),
    ],
)
def test_what_leaves_its_span_is_seen(place, span):
    assert escapes({place: span}) == [place]
    others = {name: "`plain`" for name in PLACES if name != place}
    assert place in escapes({**others, place: span})


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("@octocat", "mention"),
        ("`@octocat`", "mention"),
        ("a.@org/team", "team"),
        ("o/r#1", "other repository"),
        ("o/r@0123456", "other repository"),
        ("(#12)", "issue"),
        ("gh-12", "issue"),
        ("Fixes: o/r#1", "closing"),
        ("resolved https://github.com/o/r/pull/1", "closing"),
        ("[Skip CI]", "skipping"),
        ("</summary>", "tag"),
        ("ftp://e.test", "link"),
    ],
)
def test_what_a_forge_acts_upon_is_seen(text, act):
    assert act in acts(text)


@pytest.mark.parametrize(
    "text", ["", "me at e.test", "# 1", "no. 1", "fixes it", "a < b", "&#35;", "high-12"]
)
def test_ordinary_words_do_nothing(text):
    assert acts(text) == []
