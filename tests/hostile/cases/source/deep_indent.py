# holds: the file is quarantined, its neighbours serve
# own: 401
from runtime import Function

config = Function(public=True)


async def get() -> str:
    """Answer."""
    return "own"


if 1:
    if 1:
        if 1:
            if 1:
                if 1:
                    if 1:
                        if 1:
                            if 1:
                                if 1:
                                    if 1:
                                        if 1:
                                            if 1:
                                                if 1:
                                                    if 1:
                                                        if 1:
                                                            if 1:
                                                                if 1:
                                                                    if 1:
                                                                        if 1:
                                                                            if 1:
                                                                                if 1:
                                                                                    if 1:
                                                                                        if 1:
                                                                                            if 1:
                                                                                                if 1:
                                                                                                    if 1:
                                                                                                        if 1:
                                                                                                            if 1:
                                                                                                                if 1:
                                                                                                                    if 1:
                                                                                                                        if 1:
                                                                                                                            if 1:
                                                                                                                                if 1:
                                                                                                                                    if 1:
                                                                                                                                        if 1:
                                                                                                                                            if 1:
                                                                                                                                                if 1:
                                                                                                                                                    if 1:
                                                                                                                                                        if 1:
                                                                                                                                                            if 1:
                                                                                                                                                                if 1:
                                                                                                                                                                    if 1:
                                                                                                                                                                        if 1:
                                                                                                                                                                            if 1:
                                                                                                                                                                                if 1:
                                                                                                                                                                                    if 1:
                                                                                                                                                                                        if 1:
                                                                                                                                                                                            if 1:
                                                                                                                                                                                                if 1:
                                                                                                                                                                                                    if 1:
                                                                                                                                                                                                        if 1:
                                                                                                                                                                                                            if 1:
                                                                                                                                                                                                                if 1:
                                                                                                                                                                                                                    if 1:
                                                                                                                                                                                                                        if 1:
                                                                                                                                                                                                                            if 1:
                                                                                                                                                                                                                                if 1:
                                                                                                                                                                                                                                    if 1:
                                                                                                                                                                                                                                        if 1:
                                                                                                                                                                                                                                            if 1:
                                                                                                                                                                                                                                                if 1:
                                                                                                                                                                                                                                                    if 1:
                                                                                                                                                                                                                                                        if 1:
                                                                                                                                                                                                                                                            if 1:
                                                                                                                                                                                                                                                                if 1:
                                                                                                                                                                                                                                                                    if 1:
                                                                                                                                                                                                                                                                        if 1:
                                                                                                                                                                                                                                                                            if 1:
                                                                                                                                                                                                                                                                                if 1:
                                                                                                                                                                                                                                                                                    if 1:
                                                                                                                                                                                                                                                                                        if 1:
                                                                                                                                                                                                                                                                                            if 1:
                                                                                                                                                                                                                                                                                                if 1:
                                                                                                                                                                                                                                                                                                    if 1:
                                                                                                                                                                                                                                                                                                        if 1:
                                                                                                                                                                                                                                                                                                            if 1:
                                                                                                                                                                                                                                                                                                                if 1:
                                                                                                                                                                                                                                                                                                                    if 1:
                                                                                                                                                                                                                                                                                                                        if 1:
                                                                                                                                                                                                                                                                                                                            if 1:
                                                                                                                                                                                                                                                                                                                                if 1:
                                                                                                                                                                                                                                                                                                                                    if 1:
                                                                                                                                                                                                                                                                                                                                        if 1:
                                                                                                                                                                                                                                                                                                                                            if 1:
                                                                                                                                                                                                                                                                                                                                                if 1:
                                                                                                                                                                                                                                                                                                                                                    if 1:
                                                                                                                                                                                                                                                                                                                                                        if 1:
                                                                                                                                                                                                                                                                                                                                                            if 1:
                                                                                                                                                                                                                                                                                                                                                                if 1:
                                                                                                                                                                                                                                                                                                                                                                    if 1:
                                                                                                                                                                                                                                                                                                                                                                        if 1:
                                                                                                                                                                                                                                                                                                                                                                            if 1:
                                                                                                                                                                                                                                                                                                                                                                                if 1:
                                                                                                                                                                                                                                                                                                                                                                                    if 1:
                                                                                                                                                                                                                                                                                                                                                                                        if 1:
                                                                                                                                                                                                                                                                                                                                                                                            if 1:
                                                                                                                                                                                                                                                                                                                                                                                                if 1:
                                                                                                                                                                                                                                                                                                                                                                                                    if 1:
                                                                                                                                                                                                                                                                                                                                                                                                        if 1:
                                                                                                                                                                                                                                                                                                                                                                                                            if 1:
                                                                                                                                                                                                                                                                                                                                                                                                                if 1:
                                                                                                                                                                                                                                                                                                                                                                                                                    pass
