"""Every mistake in a catalogue or policy is one clear error that names its place and says what to do."""

# ruff: noqa: E501 - a mistake and its sentence on one line is how this list is read

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.model import catalogue, policy
from beholden.model.catalogue import FieldClass
from beholden.model.documents import MAX_CHARACTERS
from beholden.model.errors import BadInput
from beholden.model.policy import Indirect, Policy
from tests.conftest import EXAMPLES

ONE = "{name: identity, label: You, explains: Who you are, class: basic, fields: [{name: name, label: Name}]}"


def clusters(*entries: str) -> str:
    """A catalogue with these clusters."""
    return "clusters:\n" + "".join(f"  - {entry}\n" for entry in entries)


def changed(old: str, new: str) -> str:
    """A catalogue of one cluster with one thing changed."""
    assert old in ONE
    return clusters(ONE.replace(old, new))


CATALOGUE_MISTAKES = [
    ("", "The catalogue must be a mapping (`key: value` lines) at the top. See docs/reference.md."),
    ("[]", "The catalogue must be a mapping (`key: value` lines) at the top. See docs/reference.md."),
    ("clusters: [", "The catalogue is not YAML: line 1: expected the node content, but found '<stream end>'. Mend that line."),
    ("a: b: c", "The catalogue is not YAML: line 1: mapping values are not allowed here. Mend that line."),
    ("clusters: []", "catalogue: 'clusters' must be a list with at least one entry. Add or mend it."),
    ("{}", "catalogue: 'clusters' must be a list with at least one entry. Add or mend it."),
    ("clusters: 3", "catalogue: 'clusters' must be a list with at least one entry. Add or mend it."),
    (clusters(ONE) + "more: 1", "catalogue: unknown key 'more'. Allowed: clusters."),
    ("clusters: 1\nclusters: 2", "The catalogue cannot be read: line 2: the key 'clusters' stands twice. Keep one of them."),
    ("1: 2", "The catalogue cannot be read: line 1: the key 1 is not text. Put quotes around it."),
    ("a: &x 1\nb: *x", "The catalogue cannot be read: line 2: an alias (*name) is not allowed. Write it out."),
    ("a: !!python/object:os.system {}", "could not determine a constructor for the tag"),
    ("a: \x01", "The catalogue is not YAML: special characters are not allowed. Mend that line."),
    ("a: 2020-99-99", "The catalogue is not YAML: month must be in 1..12. Mend that line."),
    ("[" * 5_000, "The catalogue is not YAML: it is nested too deeply. Mend that line."),
    (clusters("word"), "cluster 1: must be a mapping. Give it name, label, explains, class and fields."),
    (clusters(ONE, ONE), "cluster 2: the name 'identity' stands twice. Give it another name."),
    (changed("name: identity, ", ""), "cluster 1: 'name' must be a text of 1 to 63 characters. Add or mend it."),
    (changed("name: identity", "name: Identity"), "cluster 1: the name 'Identity' is not usable. Use a-z, 0-9 and _, a letter first."),
    (changed("name: identity", "name: 9"), "cluster 1: 'name' must be a text of 1 to 63 characters. Add or mend it."),
    (changed("label: You, ", ""), "cluster 'identity': 'label' must be a text of 1 to 500 characters. Add or mend it."),
    (changed("explains: Who you are", "explains: ' '"), "cluster 'identity': 'explains' must be a text of 1 to 500 characters. Add or mend it."),
    (changed("class: basic", "class: secret"), "cluster 'identity': class 'secret' is not known. Use basic, sensitive or restricted."),
    (changed("class: basic", "class: [basic]"), "cluster 'identity': class ['basic'] is not known. Use basic, sensitive or restricted."),
    (changed("class: basic", "class: restricted"), "catalogue: no cluster has the class basic. Mark name, photo and e-mail as basic."),
    (changed("class: basic", "class: basic, shade: red"), "cluster 1: unknown key 'shade'. Allowed: class, explains, fields, label, name."),
    (changed("[{name: name, label: Name}]", "[]"), "cluster 'identity': 'fields' must be a list with at least one entry. Add or mend it."),
    (changed("[{name: name, label: Name}]", "[name]"), "cluster 'identity', field 1: must be a mapping. Give it name and label."),
    (changed("label: Name", "label: Name, kind: text"), "cluster 'identity', field 1: unknown key 'kind'. Allowed: label, name."),
    (changed("{name: name, label: Name}", "{name: name}"), "cluster 'identity', field 1: 'label' must be a text of 1 to 500 characters. Add or mend it."),
    (clusters(ONE, ONE.replace("identity", "other")), "cluster 'other': the field 'name' is also in 'identity'. A field belongs to one cluster."),
    (clusters(*(ONE.replace("identity", f"c{c}").replace("[{name: name, label: Name}]", "[" + ", ".join(f"{{name: f{c}_{n}, label: F}}" for n in range(101)) + "]") for c in range(10))), "catalogue: 1010 fields, more than 1000. Bundle them."),
    ("#" * (MAX_CHARACTERS + 1), f"The catalogue is longer than {MAX_CHARACTERS} characters. Shorten it."),
]  # fmt: skip

POLICY_MISTAKES = [
    ("", "The policy must be a mapping (`key: value` lines) at the top. See docs/reference.md."),
    ("rfi_days: 14", "policy: 'name' must be a text of 1 to 60 characters. Add or mend it."),
    ("name: [a]", "policy: 'name' must be a text of 1 to 60 characters. Add or mend it."),
    (f"name: {'x' * 61}", "policy: 'name' must be a text of 1 to 60 characters. Add or mend it."),
    ("name: a\ninactivity_day: 9", "policy: unknown key 'inactivity_day'. Allowed: "),
    ("name: a\nname: b", "The policy cannot be read: line 2: the key 'name' stands twice. Keep one of them."),
    ("name: a\nrfi_days: 0", "policy: 'rfi_days' must be a whole number from 1 to 36500. Mend it."),
    ("name: a\nrfi_days: -1", "policy: 'rfi_days' must be a whole number from 1 to 36500. Mend it."),
    ("name: a\nrfi_days: 36501", "policy: 'rfi_days' must be a whole number from 1 to 36500. Mend it."),
    ("name: a\nrfi_days: 1.5", "policy: 'rfi_days' must be a whole number from 1 to 36500. Mend it."),
    ("name: a\nrfi_days: true", "policy: 'rfi_days' must be a whole number from 1 to 36500. Mend it."),
    ("name: a\nrfi_days: '14'", "policy: 'rfi_days' must be a whole number from 1 to 36500. Mend it."),
    ("name: a\nrfi_days: null", "policy: 'rfi_days' must be a whole number from 1 to 36500. Mend it."),
    ("name: a\ninactivity_days: never", "policy: 'inactivity_days' must be a whole number from 1 to 36500. Mend it."),
    ("name: a\nreview_required: 1", "policy: 'review_required' must be true or false. Mend it."),
    ("name: a\ncontract_required: maybe", "policy: 'contract_required' must be true or false. Mend it."),
    ("name: a\nindirect: sometimes", "policy: indirect 'sometimes' is not known. Use opt_in or opt_out."),
    ("name: a\nindirect: null", "policy: indirect None is not known. Use opt_in or opt_out."),
    ("name: a\ninactivity_warnings_days: 7", "policy: 'inactivity_warnings_days' must be a list of days, longest first. For example [14, 7, 1]."),
    ("name: a\ninactivity_warnings_days: [1, 7]", "policy: 'inactivity_warnings_days' must be a list of days, longest first. For example [14, 7, 1]."),
    ("name: a\ninactivity_warnings_days: [7, 7]", "policy: 'inactivity_warnings_days' must be a list of days, longest first. For example [14, 7, 1]."),
    ("name: a\ninactivity_warnings_days: [7, x]", "policy: 'inactivity_warnings_days' must be a list of days, longest first. For example [14, 7, 1]."),
]  # fmt: skip


def complaint(read: Callable[[str], object], text: str) -> str:
    with pytest.raises(BadInput) as raised:
        read(text)
    return str(raised.value)


@pytest.mark.parametrize(("text", "sentence"), CATALOGUE_MISTAKES)
def test_each_mistake_in_a_catalogue_is_one_clear_error(text: str, sentence: str) -> None:
    said = complaint(catalogue.read, text)
    assert sentence in said
    assert "\n" not in said


@pytest.mark.parametrize(("text", "sentence"), POLICY_MISTAKES)
def test_each_mistake_in_a_policy_is_one_clear_error(text: str, sentence: str) -> None:
    said = complaint(policy.read, text)
    assert sentence in said
    assert "\n" not in said


@given(st.text(max_size=300))
def test_any_other_text_is_refused_or_read_and_never_a_crash(text: str) -> None:
    for read in (catalogue.read, policy.read):
        try:
            read(text)
        except BadInput as error:
            assert error.message


def test_the_example_catalogue_has_the_clusters_that_the_documentation_names() -> None:
    found = catalogue.read((EXAMPLES / "catalogue.yaml").read_text(encoding="utf-8"))
    classes = {cluster.name: cluster.field_class for cluster in found.clusters}
    assert classes == {
        "identity": FieldClass.BASIC,
        "birthday": FieldClass.SENSITIVE,
        "location": FieldClass.SENSITIVE,
        "likes": FieldClass.SENSITIVE,
        "contacts": FieldClass.SENSITIVE,
        "religion_politics": FieldClass.RESTRICTED,
        "messages": FieldClass.RESTRICTED,
    }
    assert found.fields_of("identity") == {"name", "photo", "email"}
    assert found.by_field["politics"].name == "religion_politics"


def test_todays_example_policy_writes_out_exactly_the_defaults() -> None:
    text = (EXAMPLES / "policy-today.yaml").read_text(encoding="utf-8")
    assert policy.read(text) == Policy(name="today")
    assert all(f"\n{key}:" in text for key in Policy.__dataclass_fields__ if key != "name")


def test_the_policy_of_2014_has_no_limits() -> None:
    then = policy.read((EXAMPLES / "policy-2014.yaml").read_text(encoding="utf-8"))
    assert then.indirect is Indirect.OPT_OUT
    assert not then.review_required
    assert not then.contract_required
    unlimited = (then.inactivity_days, then.grant_max_days, then.unverified_people_max, then.permission_unused_days)
    assert unlimited == (None, None, None, None)
    assert then.inactivity_warnings_days == ()


def test_a_key_that_is_left_out_has_todays_default() -> None:
    assert policy.read("name: short\nrfi_days: 7") == Policy(name="short", rfi_days=7)
