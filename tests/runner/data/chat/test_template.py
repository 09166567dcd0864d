"""Chat templates: what Hugging Face's dialect offers, and that no template can hang, grow or reach out."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.data.chat import templates
from runner.data.chat.template import Rendered, compile_template
from runner.data.chat.templates import BUILTIN, load_template
from runner.failure import ExitCode, Failure

MESSAGES = [{"role": "user", "content": "Straße <b>"}, {"role": "assistant", "content": "ja"}]


def render(source: str, messages: list[dict[str, str | None]] | None = None, **tokens: str) -> str:
    return compile_template(source, "T", tokens).render(MESSAGES if messages is None else messages).text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ messages[0].content | tojson }}", '"Straße <b>"'),
        ("{{ messages | tojson(indent=1, sort_keys=true) | length > 80 }}", "True"),
        ("{{ strftime_now('%d %b %Y') }}", "26 Jul 2024"),
        (
            "{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{{ m.content }}{% break %}{% endfor %}",
            "ja",
        ),
        ("a\n  {% if true %}\nb\n  {% endif %}\nc", "a\nb\nc"),
        ("{{ eos_token }}{{ bos_token }}", "</s>"),
        ("{{ tools is none }}{{ documents is none }}{{ add_generation_prompt }}", "TrueTrueFalse"),
        ("{% set ns = namespace(x=0) %}{% for m in messages %}{% set ns.x = ns.x + 1 %}{% endfor %}{{ ns.x }}", "2"),
        ("{% for m in messages %}{{ loop.length }}{{ loop.last }}{% endfor %}", "2False2True"),
        ("{{ messages | map(attribute='role') | join(', ') }}", "user, assistant"),
        ("{{ messages[::-1][0].role }}{{ messages[0].content[-3:] }}", "assistant<b>"),
        ("{{ 'x' in 'axb' and messages[0].role == 'user' and 'y' not in ['x'] }}", "True"),
        ("{{ 'a\nb' | indent(2) }}", "a\n  b"),
        ("{{ (1 + 2) ~ 'x' * 3 ~ 7 % 4 }}", "3xxx3"),
        ("{{ [1, 2] | sum }}{{ [3, 1] | sort | first }}", "31"),
    ],
)
def test_templates_have_what_hugging_face_gives_them(source: str, text: str) -> None:
    assert render(source, eos_token="</s>") == text


def test_fields_without_a_value_are_left_out() -> None:
    assert render("{{ messages[0].name is defined }}", [{"role": "user", "name": None}]) == "False"


def test_marks_give_the_places_of_what_they_enclose() -> None:
    source = "{% for m in messages %}<{% generation %}{{ m.content }}{% endgeneration %}>{% endfor %}"
    assert compile_template(source, "T").render(MESSAGES) == Rendered("<Straße <b>><ja>", ((1, 11), (13, 15)))


def test_marks_move_with_text_that_is_kept_for_later() -> None:
    source = "{% set x %}{% generation %}b{% endgeneration %}{% endset %}a{{ x }}{{ x | upper }}"
    assert compile_template(source, "T").render([]) == Rendered("abB", ((1, 2), (2, 3)))


def test_names_set_inside_marks_end_there() -> None:
    assert render("{% generation %}{% set x = 1 %}{{ x }}{% endgeneration %}{{ x is defined }}") == "1False"


def test_templates_that_render_alike_have_the_same_fingerprint() -> None:
    made = [compile_template("x", "T"), compile_template("x", "U"), compile_template("x", "T", {"eos_token": "e"})]
    first, second, third = (template.fingerprint for template in made)
    assert first == second != third


def test_only_the_tag_makes_a_template_marked() -> None:
    assert not compile_template("{{ add_generation_prompt }} generation", "T").has_marks
    assert not compile_template("{% set generation = 1 %}{{ generation }}", "T").has_marks
    assert compile_template("{%- generation -%}x{%- endgeneration -%}", "T").has_marks


NESTED = "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}"
LONG = "{% set a = 'a' * 9999 %}"


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{% for i in range(99999) %}{% for j in range(99999) if false %}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% block a %}{{ self.a() }}{% endblock %}",
        "{% for x in [1, 2] recursive %}{{ loop([1, 2]) }}{% endfor %}",
        "{% for a in [1] * 20 recursive %}{% if a %}{{ loop([0] * 99999) }}{% endif %}{% endfor %}",
        "{% for i in range(20) %}{{ range(99999) | max }}{% endfor %}",
        "{% for i in range(20) %}{{ range(99999) | sum }}{% endfor %}",
        "{% for i in range(20) %}{{ 'a' in range(99999) }}{% endfor %}",
        "{% set ns = namespace(x='a') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% set ns = namespace(x='a') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x=9) %}{% for i in range(60) %}{% set ns.x = ns.x * ns.x %}{% endfor %}",
        "{{ 'a' * 10000000000 }}",
        "{{ ([0] * 10000000000) | length }}",
        "{{ 9 ** (9 ** 9) }}",
        "{{ 'a' | center(10000000000) }}",
        "{{ 'a'.ljust(10000000000) }}",
        "{{ '%9999999999d' % 1 }}",
        "{{ '{:9999999999}'.format(1) }}",
        LONG + "{{ a.replace('a', a) }}",
        LONG + "{{ a | replace('a', a) }}",
        LONG + "{{ a.join(a | list) }}",
        LONG + "{{ range(9999) | join(a) }}",
        LONG + "{% for i in range(9999) %}{{ a }}{% endfor %}",
        LONG + "{% set b %}{% for i in range(9999) %}{{ a }}{% endfor %}{% endset %}",
        LONG + "{% for i in range(9999) %}{% if 'b' in a %}{% endif %}{% endfor %}",
        LONG + "{% for i in range(9999) %}{% set b = a[i:] %}{% endfor %}",
        LONG + "{{ " + "~".join(["a"] * 99) + " }}",
        NESTED + "{{ ns.x }}",
        NESTED + "{{ ns.x | tojson }}",
        NESTED + "{{ ns.x ~ '' }}",
        NESTED + "{{ [ns.x] | join }}",
        NESTED + "{{ ns.x == ns.x[0] }}",
        NESTED + "{{ ns.x is eq ns.x[0] }}",
        NESTED + "{{ [ns.x, ns.x[0]] | sort | length }}",
        "{% set ns = namespace() %}{% set ns.x = [ns] %}{{ ns.x }}",
        "{{ 'a\n' | indent(100001) }}",
        "{{ messages | tojson(indent=99999) }}",
        "{{ 1.5 | round(1000000000, 'ceil') }}",
        "{{ [[1]] | sum(start=[]) }}",
        "{{ range(10000000000) }}",
        "{{ lipsum(n=100000) }}",
        "{{ messages.__class__.__mro__ }}",
        "{{ messages.append(1) }}",
        "{{ cycler.__init__.__globals__ }}",
        "{% include 'x' %}",
    ],
)
def test_no_template_hangs_grows_or_reaches_out(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.data.chat._bounds.MAX_STEPS", 20_000)
    monkeypatch.setattr("runner.data.chat._bounds.MAX_CHARACTERS", 20_000)
    with pytest.raises(ValueError, match=r"^T fails( in line \d+)?: .*; mend it or write another one$"):
        render(source)


@pytest.mark.parametrize(
    "source", ["{{ " + "(" * 100_000 + "1" + ")" * 100_000 + " }}", "{% if %}", "\ufdd0", "{{ 1 | random }}"]
)
def test_what_is_no_template_is_refused_when_it_is_read(source: str) -> None:
    with pytest.raises(ValueError, match=r"^T (is no chat template: |holds U\+FDD0)"):
        compile_template(source, "T")


def test_a_failure_names_its_line() -> None:
    with pytest.raises(ValueError, match=r"^T fails in line 3: "):
        render("{% set x = 1 %}\n\n{{ x.y.z }}")


def test_every_built_in_template_is_a_file_of_its_name() -> None:
    folder = Path(templates.__file__).parent
    assert sorted(path.stem for path in folder.glob("*.jinja")) == list(BUILTIN)
    assert all(load_template(name).has_marks for name in BUILTIN)


def test_a_template_may_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "own.jinja"
    file.write_text("{{ messages[1].content }}", encoding="utf-8")
    assert load_template(str(file)).render(MESSAGES).text == "ja"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("chatlm", "chat/template 'chatlm' is neither built in nor a file; did you mean 'chatml'?"),
        (
            "{folder}/none",
            "is neither built in nor a file; write alpaca, chatml, gemma, llama3, mistral or the path of a",
        ),
        ("{folder}", "can't be read (Is a directory); write alpaca"),
        ("{folder}/latin", "is not UTF-8 text; write alpaca"),
        ("{folder}/broken", "is no chat template: line 1: "),
        ("a\0b", "can't be read (embedded null "),
    ],
)
def test_a_template_that_cannot_be_loaded_is_refused(name: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"\xff")
    (tmp_path / "broken").write_text("{% x %}", encoding="utf-8")
    with pytest.raises(Failure) as caught:
        load_template(name.format(folder=tmp_path))
    assert sentence in str(caught.value)
    assert caught.value.exit_code is ExitCode.INVALID
