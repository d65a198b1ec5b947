"""What templates may not: reach Python, fill the memory, never end. Each is refused in words."""

from __future__ import annotations

import pytest

from data.errors import TemplateError
from prompts.bounds import LONGEST, ROUNDS
from prompts.template import parse_template

MATTER = "---\nside: item\nname: mine\nversion: 1\nnote: n\n---\n# user\n"
VALUES = {"title": "A title", "items": ["x"], "attributes": {"genres": ["Drama", "War"]}}

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


def test_loops_end_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prompts.bounds.SECONDS", -1.0)
    with pytest.raises(TemplateError, match=r"mine\.md.*longer than"):
        said("{% for one in items %}{{ one }}{% endfor %}")
    assert said("{{ title }}") == "A title"


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
