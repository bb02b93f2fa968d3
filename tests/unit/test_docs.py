"""The documentation names only what exists: files, sections, commands, options, switches, environments, columns."""

import configparser
import importlib.util
import json
import re
import shlex
import sys
import tomllib
import types
from pathlib import Path

import matplotlib.pyplot
import pytest
import typer

import spaces
from bench import cli
from bench.experiments import reading
from bench.experiments.experiment import Retrain
from bench.methods import method as methods
from bench.runs.deviations import rules
from reports.study.study import Study
from reports.tabular.answer import answer
from reports.tabular.claim_tables import short_table
from reports.tabular.tables import summary_table
from results.claims.claim import load_claims
from results.claims.judge import judge
from results.labels import load_labels
from results.records.record import OPERATION_PREFIXES, POINT_COLUMNS
from results.records.store import Store
from results.scores.oracle import ScoresOracle

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
IDS = [page.relative_to(ROOT).as_posix() for page in PAGES]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
TABLES = ("images", "supernet", "training", "measure", "retrain", "methods")


def prose(page):
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def sections(page):
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def spans(page):
    """Return what stands in backticks, a line of a listing each."""
    text = page.read_text(encoding="utf-8")
    listings = [line for _, body in FENCE.findall(text) for line in body.splitlines()]
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", FENCE.sub("", text))] + listings


def commands(page):
    return [span.split("  #")[0].strip() for span in spans(page) if re.match(r"(dnas|tox -e|python3) ", span)]


def dnas_commands(page):
    found = []
    for text in commands(page):
        if re.match(r"dnas \w", text):
            found.append(text)
        found += [f"dnas {part}" for part in re.findall(r"python3 -m bench (.+)", text)]
        tox = re.search(r"tox -e (reproduce|plan|report|check)(?: -- (.+))?$", text)
        if tox:
            found.append(f"dnas {tox[1]} {tox[2] or ''}".strip())
    return found


def parse(text):
    """Return the command's path, its words and its options; fail where it does not exist."""
    command, words = typer.main.get_command(cli.commands()), shlex.split(text.replace("[", "").replace("]", ""))[1:]
    path = []
    while words and hasattr(command, "commands"):
        path.append(words.pop(0))
        assert path[-1] in command.commands, f"'{text}': there is no command '{' '.join(path)}'"
        command = command.commands[path[-1]]
    known = {name: option for option in command.params for name in (*option.opts, *option.secondary_opts)}
    plain, options = [], []
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            plain.append(word)
            continue
        assert word in known, f"'{text}': there is no option {word}"
        options.append((word, None if known[word].is_flag else words.pop(0)))
    return path, plain, options


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_somewhere(page):
    for link in LINK.findall(prose(page)):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link} does not exist"
        if anchor:
            assert anchor in sections(target), f"{link} has no such section"


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_commands_exist(page):
    for text in dnas_commands(page):
        path, plain, options = parse(text)
        if plain and plain[0].endswith(".toml"):  # a file of the reader's own
            continue
        values = {name: [value for key, value in options if key == name] for name, _ in options}
        for name in values.get("--space", []):
            if name != "threenodes":  # the example of docs/adding-a-space.md
                reading.known_space(name)
        for name in values.get("--method", []):
            if name != "sdarts-gauss":  # the example of docs/adding-a-method.md
                of_space = path[0] == "info" or not plain
                reading.load(reading.DEFAULT if of_space else plain[0]).known_method(name)
        if path[0] in ("run", "plan", "reproduce") and (not plain or plain[0].islower()):
            reading.load(*(plain or [reading.DEFAULT]), values.get("-o", []))
        if path[0] in ("info", "score") and plain and plain[0] != "SPACE":
            space = spaces.find(reading.known_space(plain[0]))
            for key in plain[1:] if "--notation" not in values else ():
                assert space.parse(key).key == key


def every_command(command):
    """Yield a command, or every one of a group."""
    if not hasattr(command, "commands"):
        yield command
    for inner in getattr(command, "commands", {}).values():
        yield from every_command(inner)


def test_every_word_and_option_of_a_command_has_a_help_text():
    found = list(every_command(typer.main.get_command(cli.commands())))
    assert len(found) > 20
    assert [
        f"{each.name} {p.name}" for each in found for p in each.params if not each.hidden and not getattr(p, "help", "")
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_switches_exist(page):
    for span in spans(page):
        if re.fullmatch(rf"({'|'.join(TABLES)})\.[\w.-]+=\S+", span):
            reading.load("paper", [span])
        elif re.fullmatch(rf"({'|'.join(TABLES)})\.[\w.-]*\w", span):
            table, *_, key = span.split(".")
            if table == "methods":
                assert key in methods.find(span.split(".")[1]).params.__dataclass_fields__, span
            elif table == "retrain":
                assert key in Retrain.__dataclass_fields__, span
            else:
                protocol = reading.load("paper").arm("nasbench201", "darts").protocol
                assert key in getattr(protocol, table).__dataclass_fields__, span


#: What begins a block that plain Markdown does not know, and the extension of mkdocs.yml that reads it.
BLOCKS = {r"\?\?\?\+? ": "pymdownx.details", r"!!! ": "admonition", r"===[!+]? \"": "pymdownx.tabbed"}


def test_the_site_reads_the_blocks_that_its_pages_and_hooks_write():
    listed = (
        (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("markdown_extensions:")[2].partition("hooks:")[0]
    )
    enabled = set(re.findall(r"^  - ([\w.]+)", listed, re.MULTILINE))
    texts = {page: prose(page) for page in PAGES}
    texts |= {path: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "hooks").glob("*.py")}
    needed = {
        extension: str(path.relative_to(ROOT))
        for path, text in texts.items()
        for block, extension in BLOCKS.items()
        if re.search(rf"(^|[\"'\n]) *{block}", text, re.MULTILINE)
    }
    assert "pymdownx.details" in needed
    assert {extension: path for extension, path in needed.items() if extension not in enabled} == {}


def hook(name):
    """Return a hook of the site as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "hooks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FILLED = [page for page in PAGES if " is filled from " in page.read_text(encoding="utf-8")]


@pytest.mark.parametrize("page", FILLED, ids=[page.name for page in FILLED])
def test_the_site_does_not_say_that_a_page_will_be_filled(page):
    text = page.read_text(encoding="utf-8")
    found = hook("filled_pages").on_page_markdown(text, None, None, None)
    assert "is filled from" not in found
    assert found.count("\n\n") == text.count("\n\n") - 1


@pytest.mark.parametrize(
    ("about", "shown"),
    [("Provisional evidence for X.", ["Provisional evidence for X."]), ("X.", ["Provisional evidence.", "X."])],
)
def test_a_page_of_the_gallery_says_once_what_its_records_are_worth(monkeypatch, about, shown):
    pytest.importorskip("mkdocs", reason="mkdocs is not installed: pip install mkdocs")
    monkeypatch.setattr("reports.study.kinds.description", lambda _: about)
    study = types.SimpleNamespace(experiment="scaled", label="a space", records=())
    page = list(hook("gallery_pages")._page(study, [], "stem"))
    assert page == ["# scaled, a space", "", *shown, ""]


def test_environments_exist():
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    known = {section.removeprefix("testenv:").partition("{")[0] for section in tox.sections()}
    named = {
        name
        for page in PAGES
        for text in commands(page)
        for group in re.findall(r"tox -e ([\w,]+)", text)
        for name in group.split(",")
    }
    assert {"reproduce", "py", "lint", "type"} <= named <= known


def test_the_readme_starts_from_pip_alone():
    first = [body.strip() for _, body in FENCE.findall((ROOT / "README.md").read_text(encoding="utf-8"))][:2]
    install = "python3 -m pip install tox && python3 -m tox -e"
    assert first == [f"{install} reproduce", f"{install} py"]


def test_every_method_and_space_has_a_page():
    beside = {"index", "derived", "others"}
    assert {page.stem for page in (ROOT / "docs" / "methods").glob("*.md")} == {*methods.names(), *beside}
    families = {spaces.find(name).family for name in spaces.names()}
    assert {page.stem for page in (ROOT / "docs" / "spaces").glob("*.md")} == {*families, "index"}


@pytest.mark.parametrize("name", methods.names())
def test_a_methods_page_has_every_part(name):
    page = ROOT / "docs" / "methods" / f"{name}.md"
    text = page.read_text(encoding="utf-8")
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    parts = ["Overview", "Usage", "Logged quantities", "Implementation details", "Deviations", "Results"]
    assert [title for title in titles if title in parts] == parts
    for parameter in methods.find(name).params.__dataclass_fields__:
        assert f"{parameter}`" in text, f"{page} does not name the parameter {parameter}"


@pytest.mark.parametrize("space", spaces.names())
@pytest.mark.parametrize("name", methods.names())
def test_every_switch_of_a_deviation_is_on_a_page(space, name):
    """Those of a method on its page or that of DARTS, those of a space on the space's."""
    found = spaces.find(space)
    pages = [f"methods/{name}.md", "methods/darts.md", f"spaces/{found.family}.md"]
    text = " ".join((ROOT / "docs" / page).read_text(encoding="utf-8") for page in pages)
    for rule in rules(found, methods.find(name)):
        assert f"`{rule.switch}`" in text or not rule.switch, rule.id


def test_pages_and_files_of_methods_say_what_the_data_say():
    """Fix with ``python docs/hooks/method_facts.py``."""
    facts = hook("method_facts")
    found = facts.measured()
    for name in methods.names():
        assert facts.page(name) == facts.page_of(name).read_text(encoding="utf-8"), f"the page of {name} is out of date"
        assert facts.source(name, found) == facts.file_of(name).read_text(encoding="utf-8"), f"{name}: out of date"
    assert {final.method.id for final in found} >= {"darts", "sdarts-rs", "sdarts-adv", "dropnas", "random"}
    assert "Measured: test accuracy" in facts.file_of("sdarts-adv").read_text(encoding="utf-8")


def test_every_column_is_described():
    table = (ROOT / "docs" / "records.md").read_text(encoding="utf-8")
    for column in [*POINT_COLUMNS, *(f"{prefix}OPERATION" for prefix in OPERATION_PREFIXES)]:
        assert f"`{column}`" in table, column


def test_the_example_of_a_method_is_whole(monkeypatch):
    page = ROOT / "docs" / "adding-a-method.md"
    source = next(body for language, body in FENCE.findall(page.read_text(encoding="utf-8")) if language == "python")
    module = types.ModuleType("sdarts_gauss")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(source, page.name, "exec"), module.__dict__)  # noqa: S102
    assert isinstance(module.METHOD, methods.Method)
    assert module.METHOD.id not in methods.names()


def listings(name, language):
    """Return the listings of one language on a page of ``docs``."""
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    return [body for kind, body in FENCE.findall(text) if kind == language]


def test_the_example_of_a_claim_is_judged(tmp_path):
    (tmp_path / "mine.toml").write_text(listings("checking.md", "toml")[0], encoding="utf-8")
    [claim] = load_claims(tmp_path)
    assert claim.judged


def test_the_example_of_a_variant_is_one(tmp_path):
    quick = (reading.FOLDER / "quick.toml").read_text(encoding="utf-8")
    [variant] = [text for text in listings("experiments.md", "toml") if "variants" in text]
    (tmp_path / "mine.toml").write_text(f"{quick}\n{variant}", encoding="utf-8")
    assert set(reading.load(str(tmp_path / "mine.toml")).variants) == {"darts-l2-27"}


def test_the_example_of_an_experiment_that_extends_another_is_one(tmp_path):
    [extending] = [text for text in listings("experiments.md", "toml") if text.startswith("extends")]
    (tmp_path / "mine.toml").write_text(extending, encoding="utf-8")
    (found, base) = (reading.load(name).arm("nasbench201", "darts") for name in (str(tmp_path / "mine.toml"), "scaled"))
    assert found.protocol.training.epochs == 2 * base.protocol.training.epochs
    assert found.protocol.images == base.protocol.images


def test_reading_the_records_prints_what_the_page_says(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    first, second = listings("reading.md", "python")
    exec(compile(first, "reading.md", "exec"), {})  # noqa: S102
    printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert "\n".join(printed) == listings("reading.md", "")[0].rstrip()
    exec(compile(second, "reading.md", "exec"), {})  # noqa: S102
    assert capsys.readouterr().out.startswith("complete ")


def tutorial():
    """Return the code cells of the notebook."""
    cells = json.loads((ROOT / "docs" / "tutorial.ipynb").read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def test_the_tutorial_is_committed_without_outputs():
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in tutorial())


@pytest.mark.slow
def test_the_tutorial_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("DNAS_DATA", str(tmp_path))  # as for a reader without tables
    names = {"__name__": "tutorial"}
    with matplotlib.rc_context({"backend": "agg"}):
        for cell in tutorial():
            exec(compile("".join(cell["source"]), "tutorial.ipynb", "exec"), names)  # noqa: S102
        matplotlib.pyplot.close("all")
    assert set(names["found"]["status"]) == {"complete"}
    assert names["low"] < names["difference"].mean() < names["high"]


def test_the_citation_is_of_this_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {project['version']}\n" in citation
    assert f"\nlicense: {project['license']}\n" in citation
    assert f"## {project['version']}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


#: Wording that has to be read twice, and what to write in its place.
AVOIDED = {
    r"\bmend(s|ed)?\b": "fix, or how to fix it",
    r"\bat hand\b": "available",
    r"\bgo(es)? before\b": "overrides, or takes precedence",
    r"\bbrought in\b": "imported",
    r"most wanted first": "by priority",
    r"speaks? of (a|the) claim": "bears on a claim",
    r"\bis no cell\b": "cannot be decoded",
    r"\bcannot be held against\b": "cannot be compared with",
    r"same command goes on\b": "the same command continues",
    r"\bunfolds to\b": "expands to",
    r"\b(one|two|four|cells|images|lines?|paths?|rows?|steps|weights) "
    r"an? (cell|core|epoch|line|method|point|row|seed|stack|step)\b": "per",
}


def test_the_text_is_plain_english():
    files = [path for kind in ("py", "md", "toml", "j2") for path in ROOT.rglob(f"*.{kind}")]
    folders = ("bench", "docs", "reports", "results", "spaces", "tests")
    files = [path for path in files if path.parent == ROOT or path.relative_to(ROOT).parts[0] in folders]
    assert len(files) > 300
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}; write {instead}"
        for path in files
        if path != Path(__file__)
        for wording, instead in AVOIDED.items()
        for match in re.finditer(wording, path.read_text(encoding="utf-8"), re.IGNORECASE)
    ]
    assert found == []


@pytest.fixture(scope="module")
def recorded():
    """Return the study of the experiment that the pages show, and its verdicts."""
    store = Store(ROOT / "results" / "runs")
    records, oracle = store.records("scaled"), ScoresOracle(store.scores_path)
    landscapes = {record.run: store.landscape(record.run) for record in records}
    return Study.of(records, oracle), judge(load_claims(), records, oracle, landscapes)


def test_the_answer_of_the_readme_is_that_of_the_records(recorded):
    study, verdicts = recorded
    found = answer([study], verdicts).table("scaled").markdown()
    assert found.strip() in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_tables_of_findings_are_those_of_the_records(recorded):
    study, verdicts = recorded
    mine = [
        verdict for verdict in verdicts if (verdict.claim.experiment, verdict.claim.space) == ("scaled", study.space)
    ]
    text = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    assert summary_table([study]).markdown().strip() in text
    assert short_table(mine, load_labels(), "verdicts").markdown().strip() in text
