"""The written rules of the tree, made mechanical."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("models", "firmware_bridge", "edge", "cloud")
TRACKED = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    if (ROOT / name).is_file()
]
SOURCES = [path for path in TRACKED if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in PACKAGES]
MAX_LINES = 600
MAX_FUNCTION_LINES = 60


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_files_are_one_idea():
    long = {relative(path): n for path in SOURCES if (n := path.read_text().count("\n")) > MAX_LINES}

    assert not long
    sizes = [path.read_text().count("\n") for path in SOURCES]
    assert sum(size <= 400 for size in sizes) >= 0.95 * len(sizes)


def test_functions_fit_on_a_screen():
    long = [
        f"{relative(path)}:{node.lineno} {node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION_LINES
    ]

    assert not long


def test_no_room_without_a_meaning():
    meaningless = {"utils", "util", "helpers", "helper", "manager", "common", "misc", "base"}

    assert not [
        relative(path) for path in SOURCES if path.stem in meaningless or path.parent.name in meaningless
    ]


CORES = ("edge/sync/core.py", "models/ranges.py", "cloud/ingest/core.py", "cloud/ingest/answers.py")
NOT_IN_A_CORE = {
    "asyncio", "os", "queue", "random", "secrets", "socket", "sqlite3", "threading", "time", "uuid", "apsw",
}  # fmt: skip


@pytest.mark.parametrize("name", CORES)
def test_a_core_has_no_clock_no_chance_and_no_thread(name: str):
    tree = ast.parse((ROOT / name).read_text())
    imported = {
        alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {(node.module or "").split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert not imported & NOT_IN_A_CORE
    assert "models.clock" not in {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def test_the_cloud_has_one_sqlite_library():
    """A second one in a process takes away the first one's locks: docs/decisions/0002."""
    importing = re.compile(r"^\s*(import|from) (sqlite3|pysqlite3)\b", flags=re.MULTILINE)
    ours = [path for path in SOURCES if relative(path).startswith("cloud/")]

    assert ours
    assert not [relative(path) for path in ours if importing.search(path.read_text())]


def test_a_package_says_what_belongs_there_and_holds_no_code():
    for path in SOURCES:
        if path.name != "__init__.py":
            continue
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), relative(path)
        code = [node for node in tree.body[1:] if not isinstance(node, ast.Import | ast.ImportFrom)]
        assert not code, relative(path)


def test_no_address_or_path_of_one_machine_is_kept():
    registries = ["py" + "pi.org", "python" + "hosted", "registry.npm" + "js", "deb." + "debian.org"]
    places = ["/wo" + "rk/", "/ro" + "ot/", "/far" + "m/"]
    forbidden = re.compile("|".join(map(re.escape, registries + places)))

    found = []
    for path in TRACKED:
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{relative(path)}: {match.group()}" for match in forbidden.finditer(text)]

    assert not found


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_every_pin_has_a_hash_and_no_address(path: Path):
    text = path.read_text()
    pins = re.findall(r"^[\w.\[\]-]+==.*(?:(?<=\\)\n.*)*", text, flags=re.MULTILINE)

    assert pins
    assert all("--hash=sha256:" in pin for pin in pins)
    assert "://" not in text


@pytest.mark.parametrize("path", sorted((ROOT / "docs/decisions").glob("*.md")), ids=lambda path: path.name)
def test_a_decision_is_one_page_with_five_headings(path: Path):
    text = path.read_text()

    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == [
        "Context",
        "Decision",
        "Consequences",
        "Alternatives",
        "Enforced by",
    ]
    assert text.count("\n") <= 70


def test_links_between_documents_lead_somewhere():
    broken = [
        f"{relative(path)} -> {target}"
        for path in TRACKED
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)#\s]+)", path.read_text())
        if "://" not in target and not (path.parent / target).exists()
    ]

    assert not broken


def test_no_biometric_or_secret_file_is_tracked():
    forbidden = {".onnx", ".dat", ".pem", ".key", ".db", ".sqlite", ".jpg", ".jpeg", ".npy"}

    assert not [relative(path) for path in TRACKED if path.suffix.lower() in forbidden]
