"""Function files served by a real Litestar app, asked in process."""

from pathlib import Path

from tests.fixtures.routing import Caller, write_tree


async def test_file_is_served_under_its_path(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "signals/[symbol].py": """
                from runtime import Function

                config = Function(public=True)

                async def get(symbol: str, limit: int = 20) -> dict[str, object]:
                    return {"symbol": symbol, "limit": limit}
            """
        },
    )

    answer = await Caller.of(tmp_path).get("/signals/SPY?limit=3")

    assert answer.status == 200
    assert answer.json == {"symbol": "SPY", "limit": 3}


async def test_encoded_slash_stays_inside_its_segment(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "signals/[symbol].py": """
                async def get(symbol: str) -> str:
                    return symbol
            """
        },
    )

    answer = await Caller.of(tmp_path).get("/signals/HYG%2FIEF")

    assert answer.json == "HYG/IEF"
