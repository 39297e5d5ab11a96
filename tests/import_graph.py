"""Which room of the package imports which: `make graph` prints it, from the top floor to the bottom.

A room is a folder of gancourse, or a module beside them; LAYERS of test_structure names them all. A room's floor is one
above the highest floor of those that it imports.
"""

from test_structure import LAYERS, ROOT, Imports, imports

from gancourse.__main__ import ROOMS as COMMANDS

ROOMS = [name for names in LAYERS.values() for name in names.split()]


def arrows(found: Imports) -> dict[str, set[str]]:
    """Room -> the other rooms that its modules import, from what `imports` found."""
    graph: dict[str, set[str]] = {room: set() for room in ROOMS}
    for module, others in found.items():
        room = module.split(".")[0]
        inside = {other.split(".")[0] for other in others if other and not other.endswith("!")}
        if room:
            graph.setdefault(room, set()).update(inside - {room})
    if "__main__" in found:
        graph["__main__"] |= set(COMMANDS)  # whose commands it loads by name
    return graph


def floors(graph: dict[str, set[str]]) -> dict[str, int]:
    """Room -> its floor, from 1. Raises ValueError, naming the rooms, where some import each other in a circle."""
    found: dict[str, int] = {}
    while len(found) < len(graph):
        free = [room for room, others in graph.items() if room not in found and others <= found.keys()]
        if not free:
            raise ValueError(f"these rooms import each other in a circle: {', '.join(sorted(graph.keys() - found))}")
        found |= {room: 1 + max((found[other] for other in graph[room]), default=0) for room in free}
    return found


def drawing(graph: dict[str, set[str]]) -> str:
    """The graph as lines, one a room, the highest floor first, and how much of each there is."""
    floor = floors(graph)
    lines = []
    for room in sorted(graph, key=lambda room: (-floor[room], ROOMS.index(room) if room in ROOMS else -1)):
        below = sorted(graph[room], key=lambda other: (-floor[other], other))
        lines.append(f"{floor[room]}  {room:11} {'-> ' + ', '.join(below) if below else ''}".rstrip())
    count = sum(map(len, graph.values()))
    return "\n".join([*lines, "", f"{len(graph)} rooms, {max(floor.values())} floors, {count} arrows; no circle"])


if __name__ == "__main__":
    print(drawing(arrows(imports(ROOT / "gancourse"))))
