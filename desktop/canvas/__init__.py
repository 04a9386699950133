"""The graph on screen: scene, nodes, wires, layout, undo commands."""
