"""The pages for Next.js show the example app."""

import json

from tests.fixtures.nextjs_page import blocks, installed
from tests.fixtures.service import ROOT


def test_every_block_of_the_page_for_nextjs_is_a_part_of_the_tested_example():
    shown = [block for language in ("ts", "tsx") for block in blocks(language) if block.startswith("// ")]
    assert len(shown) > 5
    for block in shown:
        name, _, code = block.removeprefix("// ").partition("\n")
        folder = ROOT if name.startswith("client/") else ROOT / "examples" / "nextjs"
        assert code in (folder / name).read_text(), name


def test_what_the_page_for_nextjs_installs_is_what_the_example_has():
    package = json.loads((ROOT / "examples" / "nextjs" / "package.json").read_text())
    assert set(installed()) <= package["dependencies"].keys()
