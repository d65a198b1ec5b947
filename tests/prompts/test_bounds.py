"""What templates may not: reach Python, fill the memory, never end. Each is refused in words."""

from __future__ import annotations

import tracemalloc
from itertools import count

import pytest

from data.errors import TemplateError
from prompts.bounds import LONGEST, ROUNDS
from prompts.template import parse_template

MATTER = "---\nside: item\nname: mine\nversion: 1\nnote: n\n---\n# user\n"
VALUES = {
    "title": "A title",
    "year": 1999,
    "items": ["x"],
    "attributes": {"genres": ["Drama", "War"]},
}

ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ title.__class__.__base__ }}",
    "{{ [].__class__.__base__.__subclasses__()[40]('/etc/passwd').read() }}",
    "{{ ().__class__ }}",
    "{{ {}.__class__.__mro__ }}",
    "{{ title.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__['os'] }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ lipsum() }}",
    "{{ dict.__mro__ }}",
    "{{ range.__self__ }}",
    "{{ range.__globals__ }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ config.items() }}",
    "{{ request.application.__globals__ }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ title | attr('__class__') }}",
    "{{ title | attr('\\x5f\\x5fclass\\x5f\\x5f') }}",
    "{{ title['\\x5f\\x5fclass\\x5f\\x5f'] }}",
    "{{ items | map(attribute='__class__') | list }}",
    "{{ items | map('attr', '__class__') | list }}",
    "{{ items | map('__class__') | list }}",
    "{{ items | sort(attribute='__class__') }}",
    "{{ items | selectattr('__class__') | list }}",
    "{{ items | join(attribute='__class__') }}",
    "{{ items | groupby('__class__') }}",
    "{{ items | sum(attribute='__class__') }}",
    "{{ items | first | attr('upper') }}",
    "{{ title | xmlattr }}",
    "{{ '{0.__class__}'.format(title) }}",
    "{{ '{0.__class__.__init__.__globals__}'.format(title) }}",
    "{{ '{x.__class__}'.format_map({'x': title}) }}",
    "{{ '%s' | format(title.__class__) }}",
    "{{ '%(a)s' % attributes }}",
    "{{ (title.format)('x') }}",
    "{{ attributes.__init__ }}",
    "{{ attributes.update({'genres': 1}) }}",
    "{{ attributes.clear() }}",
    "{{ attributes.pop('genres') }}",
    "{{ items.append(1) }}",
    "{{ items.__add__([1]) }}",
    "{{ title.encode() }}",
    "{% for x in items %}{{ loop.__class__ }}{% endfor %}",
    "{% for x in items %}{{ loop._iterable }}{% endfor %}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% from 'os' import path %}",
    "{% extends 'x' %}",
    "{% set x %}{{ title }}{% endset %}",
    "{% macro m() %}x{% endmacro %}{{ m.__globals__ }}",
    "{% autoescape true %}{{ title }}{% endautoescape %}",
    "{% debug %}",
    "{{ title | random }}",
    "{% set f = '{0.__class__}'.format %}{{ f(title) }}",
    "{{ ['{0.__class__}'.format] | first }}",
    "{{ items | map('format', title) | list }}",
    "{{ title.format.__func__ }}",
    "{{ (title | default(none)).__class__ }}",
    "{{ (missing | default('x')).__class__ }}",
    "{{ missing.__class__ is defined }}",
    "{{ title.__class__ is defined }}",
    "{{ none.__class__ }}",
    "{{ true.__class__.__base__ }}",
    "{{ (1).__class__ }}",
    "{{ (1.5).__class__.__mro__ }}",
    "{{ title.__doc__ }}",
    "{{ title.__getattribute__('upper') }}",
    "{{ attributes.get.__self__ }}",
    "{{ [attributes] | map(attribute='genres.append') | list }}",
    "{{ [attributes] | map(attribute='x', default=title.__class__) | list }}",
    "{{ [attributes] | map(attribute='__class__', default='x') | list }}",
    "{{ [attributes] | unique(attribute='__class__') | list }}",
    "{{ [attributes] | min(attribute='__class__') }}",
    "{{ [attributes] | rejectattr('__class__') | list }}",
    "{{ [attributes] | selectattr('genres.__class__', 'defined') | list }}",
    "{{ [[title]] | map(attribute='0.__class__') | list }}",
    "{{ [title] | sort(attribute='upper.__self__') }}",
    "{{ range(3).__class__ }}",
    "{{ (items | map('upper')).gi_frame }}",
    "{{ (items | select).gi_code }}",
    "{{ (items | map('upper')).send(none) }}",
    "{% for x in items %}{{ loop.cycle.__globals__ }}{% endfor %}",
    "{% for x in items %}{{ loop.__init__.__globals__ }}{% endfor %}",
    "{% for x in items %}{{ loop.changed.__self__ }}{% endfor %}",
    "{% for x in items %}{{ loop['__class__'] }}{% endfor %}",
    "{{ caller }}",
    "{{ varargs }}",
    "{{ super() }}",
    "{{ context.environment }}",
    "{{ environment }}",
    "{{ __builtins__ }}",
    "{{ __import__('os') }}",
    "{{ resolve('title') }}",
    "{{ namespace(a=1).__class__ }}",
    "{{ cycler('a').next }}",
    "{{ joiner(',')() }}",
    "{{ title[0].__class__ }}",
    "{{ items['append'] }}",
    "{{ attributes['__class__'] }}",
    "{{ attributes['clear']() }}",
    "{{ title['__cl' ~ 'ass__'] }}",
    "{{ title[['__class__'][0]] }}",
    "{{ title.__ｃlass__ }}",
    "{{ title._＿class_＿ }}",
    "{% set ns = namespace() %}",
    "{% set title.__class__ = 1 %}",
    "{% set attributes.genres = 1 %}",
    "{% do items.append(1) %}",
    "{% with a = title.__class__ %}{{ a }}{% endwith %}",
    "{% for c in title.__class__.__mro__ %}{{ c }}{% endfor %}",
    "{% call items() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% block x %}{% endblock %}",
    "{% trans %}x{% endtrans %}",
    "{{ title.translate({65: 'x'}) }}",
    "{{ title.maketrans }}",
    "{{ '%c' % 0x41 }}",
    "{{ items | map('select') | list }}",
    "{{ items | map('map', 'upper') | list }}",
    "{{ {1: 2}.items().mapping }}",
    "{{ year.real }}",
    "{{ year.to_bytes(4) }}",
    "{{ title.splitlines.__self__.__class__ }}",
    "{{ attributes.get('genres').append('x') }}",
    "{{ attributes.setdefault('x', 1) }}",
    "{{ items.sort() }}",
    "{{ items.extend([1]) }}",
    "{{ title | safe }}",
    "{{ title | pprint }}",
    "{{ title | urlize }}",
    "{% include [title] ignore missing %}",
    "{% extends title %}",
]

BOMBS = [
    "{{ 9 ** 9 ** 9 }}",
    "{{ 'a' * 999999999 }}",
    "{{ 999999999 * 'a' }}",
    "{{ items * 999999999 }}",
    "{{ '%999999999d' % 1 }}",
    "{{ '{:>999999999}'.format(1) }}",
    "{{ 'a'.ljust(999999999) }}",
    "{{ 'a'.center(999999999) }}",
    "{{ 'a' | center(999999999) }}",
    "{{ 'a' | indent(999999999) }}",
    "{{ 1.5 | round(999999999, 'floor') }}",
    "{{ items | batch(999999999, 'x') | list }}",
    "{{ items | slice(999999999) | list }}",
    "{{ range(999999999) | list }}",
    "{{ range(10000) | join('a' * 100000) }}",
    "{{ ('a' * 100000) | replace('a', 'b' * 100000) }}",
    "{{ ('a ' * 50000).split() | map('replace', 'a', 'b' * 100000) | list | length }}",
    "{{ ('a ' * 50000).split() * 1000 }}",
    "{% for x in range(99999999) %}{% endfor %}",
    "{% for a in range(999) %}{% for b in range(999) %}{% endfor %}{% endfor %}",
    "{% for a in items * 99 %}{% for b in items * 99 %}{% for c in items * 99 %}{% endfor %}"
    "{% endfor %}{% endfor %}",
    "{% for a in range(9000) %}{{ 'a' * 1000 }}{% endfor %}",
    "{% for a in range(9000) %}" + "constant text " * 50 + "{% endfor %}",
    "{% for x in items recursive %}{{ loop(items) }}{% endfor %}",
    "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
    "{% set a = 'aaaaaaaaaa' %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
    "{% set a = 'aaaaaaaaaa' %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}",
    "{% set a = [1, 2] %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
    "{% set a = [1, 2] %}" + "{% set a = [a, a] %}" * 40 + "{{ a | length }}",
    "{% set a = (1, 2) %}" + "{% set a = (a, a) %}" * 40 + "{{ a | tojson }}",
    "{% set a = {1: 2} %}" + "{% set a = {1: a, 2: a} %}" * 40 + "{{ a }}",
    "{% set a = 9999999999 %}" + "{% set a = a * a %}" * 40 + "{{ a }}",
    "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
    "{% if 1 %}" * 300 + "{% endif %}" * 300,
    "{% for x in items %}" * 60 + "{% endfor %}" * 60,
    "{{ ('a' * 199999).strip('b' * 199999) }}",
    "{{ ('a' * 199999) | trim('b' * 199999) }}",
    "{{ ('f' * 199000) | int(0, 16) | string }}",
    "{{ ('9' * 4000) | int * ('9' * 4000) | int }}",
    "{{ ([[1, 2, 3, 4]] * 40000) | sum(start=[]) }}",
    "{{ title.split('') }}",
    "{{ ([[1, 2, 3]] * 49000) | sum(start=[]) | length }}",
    "{{ ([{'a': [1]}] * 39000) | sum('a', []) | length }}",
    "{{ ([(1, 2)] * 60000) | sum(start=()) | length }}",
    "{{ " + "9" * 5_000 + " }}",
    "{{ " + "9" * 1_300 + " }}",
    "{{ 0x" + "f" * 1_100 + " }}",
    "{{ 1 + " + "9_" * 4_000 + "9 }}",
    "{{ ('f' * 199000) | int(0, 16) // 3 }}",
    "{{ title | upper" + " | upper" * 60 + " }}",
    "{{ title" + "[0]" * 60 + " }}",
    "{{ " + " ~ ".join(["1"] * 2_000) + " }}",
    "{% if title %}x{% endif %}" * 700,
    "{{ ([{'a': 1}] * 39000) | sort(attribute='" + "a," * 30 + "a') | length }}",
    "{{ ([{'a': 1}] * 39000) | map(attribute='" + "a." * 30 + "a') | list | length }}",
    "{% for a in range(999) %}{% set b = range(9999) | list %}{% endfor %}",
    "{% for a in range(999) %}{% if 'z' in ('ab ' * 60000).split() %}{% endif %}{% endfor %}",
]


def said(body: str, **more: object) -> str:
    template = parse_template(MATTER + body, source="mine.md")
    return template.render({**VALUES, **more})[0]["content"]


@pytest.mark.parametrize("attack", ESCAPES)
def test_python_is_out_of_reach(attack: str) -> None:
    with pytest.raises(TemplateError, match=r"mine\.md") as caught:
        said(attack)
    assert "Traceback" not in str(caught.value)
    assert VALUES["items"] == ["x"]
    assert VALUES["attributes"] == {"genres": ["Drama", "War"]}


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb[:60])
def test_memory_and_time_are_bounded(bomb: str) -> None:
    with pytest.raises(TemplateError, match=r"mine\.md"):
        said(bomb)


BIG = "('a' * 199999)"
GREEDY = [
    "{{ " + " ~ ".join([BIG] * 350) + " }}",
    "{{ " + " ~ ".join(["([1] * 99999)"] * 100) + " }}",
    "{{ [" + ", ".join([f"({BIG} | upper)"] * 300) + "] | length }}",
    "{{ [" + ", ".join([f"{BIG}.upper()"] * 300) + "] | length }}",
    "{{ {" + ", ".join(f"{k}: {BIG}[1:]" for k in range(250)) + "} | length }}",
    "{{ ([{}] * 39000) | map(attribute='x', default=([1] * 99999)) | list | string | length }}",
]
"""Long expressions, each part of which is small enough."""


@pytest.mark.parametrize("body", GREEDY, ids=lambda body: body[:60])
def test_a_long_expression_makes_no_more_than_a_short_one(body: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(TemplateError, match=r"mine\.md.*more than"):
            said(body)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 60 * 2**20, "bytes"


@pytest.mark.parametrize(
    "operation",
    [
        *("title | upper", "title.upper()", "title + title", "title * 2", "year - 2", "year // 2"),
        *("year / 2", "year % 2", "title ~ year", "title[1:]", "title is lower", "title == title"),
        *("'x' in items", "[title]", "(title, year)", "{1: title}", "1 < year < 3000"),
    ],
)
def test_every_operation_looks_at_the_clock(
    operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An expression that is long enough would outlast every loop."""
    many = "{{ [" + ", ".join([f"({operation})"] * 200) + "] | length }}"
    assert said(many) == "200"
    monkeypatch.setattr("prompts.bounds.time.monotonic", count(0, 0.1).__next__)
    with pytest.raises(TemplateError, match="longer than 10 seconds"):
        said(many)


def test_a_number_of_many_digits_gets_a_sentence_of_its_own() -> None:
    for digits in (1_300, 5_000):
        with pytest.raises(TemplateError, match=r"mine\.md.*number of too many digits"):
            said("{{ " + "9" * digits + " }}")
    assert said("{{ " + "9" * 30 + " }}") == "9" * 30


@pytest.mark.parametrize("version", ["0", "-1", "0x" + "f" * 5_000, "9" * 7])
def test_a_version_is_counted_from_one(version: str) -> None:
    with pytest.raises(TemplateError, match=r"mine\.md.*not between 1 and"):
        parse_template(MATTER.replace("version: 1", f"version: {version}") + "x", "mine.md")


def test_a_sum_is_of_numbers() -> None:
    assert said("{{ [1, 2.5, true] | sum }} {{ [{'a': 2}, {'a': 3}] | sum('a') }}") == "4.5 5"
    assert said("{{ [1, 2] | sum(start=10) }} {{ people | sum(attribute='n') }}", people=[]) == (
        "13 0"
    )


def test_a_mistake_is_shown_by_the_line_it_is_in() -> None:
    """Some marks end a line for Python and none for templates."""
    with pytest.raises(TemplateError, match=r"mistake at '\{\{ title | \}\}'"):
        said("a\x0cb\u2028c\n{{ title | }}\nd")


def test_filters_that_choose_count_as_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """`select('in', …)` alone takes the time of one list times the other."""
    monkeypatch.setattr("prompts.bounds.ROUNDS", 50)
    for choosing in ("select('in', items)", "reject('in', items)", "map('upper')"):
        with pytest.raises(TemplateError, match="more than 50 rounds"):
            said("{{ (items * 51) | " + choosing + " | list | length }}")
        assert said("{{ (items * 50) | " + choosing + " | list | length }}") in ("0", "50")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            "{{ 6 * 7 }} {{ 'ab' * 2 }} {{ 'a' + 'b' }} {{ 7 % 4 }} {{ 1 ~ '-' ~ 2 }}",
            "42 abab ab 3 1-2",
        ),
        ("{{ title | upper }} {{ title.split()[0] }} {{ title | replace('A', 'The') }}", None),
        ("{{ attributes.genres | map('lower') | join(', ') }}", "drama, war"),
        ("{{ [title, none] | select | join('; ') }}", "A title"),
        (
            "{% for g in attributes.genres %}{{ loop.index }}/{{ loop.length }}{{ g }}"
            "{% if not loop.last %}, {% endif %}{% endfor %}",
            "1/2Drama, 2/2War",
        ),
        (
            "{% for k, v in attributes.items() %}{{ k }}={{ v | listed }}{% endfor %}",
            "genres=Drama, War",
        ),
        ("{% for k, v in [('a', title), ('b', 2)] %}{{ k }}{{ v }} {% endfor %}", "aA title b2"),
        ("{{ people | map(attribute='name') | join(' & ') }}", "Ann & Bo"),
        ("{{ people | join(', ', attribute='name') }} {{ 2.345 | round(1) }}", "Ann, Bo 2.3"),
        ("{% set n = items | length %}{{ n }}{% with x = 1 %}{{ x }}{% endwith %}", "11"),
        ("{{ attributes | tojson }}", '{"genres": ["Drama", "War"]}'),
        ("{% for i in range(3) %}{{ i }}{% else %}none{% endfor %}", "012"),
        ("{{ missing is defined }}", None),
    ],
)
def test_what_prompts_need_still_works(body: str, text: str | None) -> None:
    people = [{"name": "Ann"}, {"name": "Bo"}]
    if text is None and "missing" in body:
        with pytest.raises(TemplateError, match="'missing'"):
            said(body)
        return
    assert said(body, people=people) == (text or "A TITLE A The title")


def test_limits_are_far_from_what_a_prompt_needs() -> None:
    history = [{"title": "A long title of a film"} for _ in range(2_000)]
    text = said(
        "{% for one in history %}{{ loop.index }}. {{ one.title }}\n{% endfor %}", history=history
    )
    assert text.count("\n") == 1_999
    assert len(text) < LONGEST
    assert len(history) < ROUNDS


@pytest.mark.parametrize(
    "body",
    [
        "{% for one in items %}{{ one }}{% endfor %}",
        "{% set a = title | title %}",
        "{{ title.upper() }}",
        "{{ title }}",
        "{% if items | select('in', items) | list %}{% endif %}",
        "{% if items | map('upper') | list %}{% endif %}",
    ],
)
def test_everything_ends_in_time(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(body) is not None
    monkeypatch.setattr("prompts.bounds.SECONDS", -1.0)
    with pytest.raises(TemplateError, match=r"mine\.md.*longer than"):
        said(body)


@pytest.mark.parametrize(
    "body",
    [
        "{{ title.upper }}",
        "{{ range }}",
        "{{ title ~ title.upper }}",
        "{{ items | map('upper') }}",
        "{{ [range] | map('string') | list }}",
        "{{ [title.split] | join }}",
    ],
)
def test_what_would_print_an_address_is_refused(body: str) -> None:
    """A prompt that differs each time would be asked, and paid, each time."""
    with pytest.raises(TemplateError, match="where a text is wanted"):
        said(body)


def test_an_unknown_filter_gets_the_names_of_those_there_are() -> None:
    with pytest.raises(TemplateError, match=r"'attr'.*Filters are: .*listed.*upper"):
        said("{{ title | attr('x') }}")


def test_front_matter_cannot_hide_billions() -> None:
    levels = "".join(f"  l{k}: &l{k} [{', '.join([f'*l{k - 1}'] * 9)}]\n" for k in range(1, 12))
    text = MATTER.replace("note: n\n", f"note: n\nschema:\n  l0: &l0 [1]\n{levels}")
    with pytest.raises(TemplateError, match="cannot be repeated"):
        parse_template(text + "x")
    with pytest.raises(TemplateError, match="not YAML"):
        parse_template("---\n" + "[" * 5_000 + "\n---\n# user\nx")
    with pytest.raises(TemplateError, match="Shorten it"):
        parse_template(MATTER + "x" * 200_000)
    with pytest.raises(TemplateError, match="not YAML"):
        parse_template("---\n!!python/object/apply:os.system ['id']\n---\n# user\nx")
