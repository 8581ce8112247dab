"""`.env` files mean what `@next/env` makes of them: the real package reads the same folders."""

import json
import subprocess
from pathlib import Path

import pytest

from runtime.settings import SettingsError, from_environment
from runtime.settings.dotenv import parse, read_files
from tests.fixtures.node import ROOT, install

NEXT = ROOT / "tests" / "fixtures" / "next_env"
PEM = "-----BEGIN PUBLIC KEY-----\nMIIB\nIDAQAB\n-----END PUBLIC KEY-----"

TEXTS = {
    "plain": "A=1\nB = 2\n  C=3\nexport D=4\nE: 5\nF=\nG",
    "comments": "# A=0\nA=1 # one\nB=a#b\nC='a#b' # c\nD=\"a#b\"# d\nE=`a#b`\nF=#\n",
    "quotes": "A='one two'\nB=\"one two\"\nC=`it's`\nD='it\\'s'\nE=\"say \\\"hi\\\"\"\nF=un'q\nG='open\n",
    "escapes": 'A="one\\ntwo"\nB=\'one\\ntwo\'\nC=one\\ntwo\nD="tab\\there"\nE="cr\\rlf"\nF="back\\\\n"\n',
    "more lines": f"A=\"{PEM}\"\nB='{PEM}'\nC=`{PEM}`\nD=after",
    "references": "A=1\nB=${A}\nC=$A\nD=${A}-$A\nE=\\$A\nF='${A}'\nG=${NOPE}\nH=${NOPE:-x}\nI=${A:-x}\n",
    "later references": "A=${B}\nB=${C}\nC=1\nD=$\nE=$$\nF=${}\nG=a$A$B\nH=${A\nI=\\${A}\nJ=pa$word\n",
    "of the process": "A=${FROM}\nFROM=file\nB=${FROM:-x}\nC=$FROM/$FROM\nHAD=file\n",
    "the last counts": "A=1\nA=2\nB=$A\n",
    "odd names": "a.b=1\na-b=2\n1A=3\nA B=4\n=5\nÄ=6\n",
    "line ends": "A=1\r\nB=2\rC=3\n\n\nD=4",
    "spaces": "A=  x  \nB='  x  '\nC=\t1\t\nD= 'q' \n   \nE=a b c\n",
    "empty quotes": "A=''\nB=\"\"\nC=``\nD=' '\n",
    "json": 'A={"a": 1, "b": "c"}\nB=\'{"a": "$X"}\'\nC=[1,2]\n',
    "urls": 'A=postgres://u:p@h:5432/d?x=1&y=2\nB=https://h/p#frag\nC="https://h/p#frag"\n',
}
FOLDERS = {
    "all four": {".env": "A=1\nB=1\nC=1\nD=1", ".env.development": "A=2\nB=2\nC=2", ".env.local": "A=3\nB=3",
                 ".env.development.local": "A=4"},
    "across files": {".env": "A=base\nB=$A", ".env.local": "A=local\nC=${B}\nD=${A}"},
    "of other modes": {".env.production": "A=1", ".env.test": "A=2", ".env": "A=3"},
}  # fmt: skip
PROCESS = {"FROM": "process", "HAD": "process"}


@pytest.fixture(scope="module")
def read_by_next(node, tmp_path_factory):
    """What @next/env makes of every folder, asked once."""
    install(NEXT)
    root = tmp_path_factory.mktemp("env")
    folders = {name: {".env": text} for name, text in TEXTS.items()} | FOLDERS
    for name, files in folders.items():
        (root / name).mkdir()
        for file, text in files.items():
            (root / name / file).write_bytes(text.encode())
    asked = [{"folder": str(root / name), "process": PROCESS} for name in folders]
    done = subprocess.run(
        [node, NEXT / "read.cjs"], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    return root, dict(zip(folders, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("name", [*TEXTS, *FOLDERS])
def test_a_folder_says_what_next_reads_in_it(read_by_next, name):
    root, read = read_by_next
    ours = read_files(root / name, "development", PROCESS)

    assert {key: value for key, value in ours.items() if key not in PROCESS} == read[name]


def test_a_test_run_does_not_read_what_is_local(tmp_path):
    (tmp_path / ".env.local").write_text("A=local")
    (tmp_path / ".env").write_text("A=base")

    assert read_files(tmp_path, "test", {}) == {"A": "base"}


@pytest.mark.parametrize("text", ["A=$A", "A=${B}\nB=${A}", "A=x${A}y", "A=$A$A"])
def test_a_value_that_refers_to_itself_is_a_fault_by_name(tmp_path, text):
    (tmp_path / ".env").write_text(text)

    with pytest.raises(SettingsError) as refusal:
        read_files(tmp_path, "development", {})
    assert "refers to itself" in str(refusal.value)


def test_the_settings_of_a_project_come_from_its_files(tmp_path: Path, monkeypatch):
    (tmp_path / ".env").write_text("PORT=9000\nANNEX_MODEL=base")
    (tmp_path / ".env.local").write_text('ANNEX_MODEL="local" # mine')
    monkeypatch.chdir(tmp_path)

    settings = from_environment({"LOG_LEVEL": "error"})

    assert (settings.port, settings.agents.model) == (9000, "local")


def test_a_huge_file_without_an_end_of_quotes_is_read_in_time():
    assert parse("A='" + "x" * 200_000)["A"].startswith("'x")
