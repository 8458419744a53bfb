"""h5dcp show --svg: a rectangle for each box, where the box is in the tensor."""

import json
import xml.etree.ElementTree as xml

import pytest
from support import SAMPLES, fails, fine, run

SVG = "{http://www.w3.org/2000/svg}"


def draw(path, fqn, tmp_path):
    file = tmp_path / "drawing.svg"
    assert fine("show", path, fqn, "--svg", file) == ""
    root = xml.parse(file).getroot()
    assert root.tag == SVG + "svg"
    return root


def rects(root, kind):
    return [{key: float(rect.get(key)) for key in ("x", "y", "width", "height")} |
            {"fill": rect.get("fill"), "title": rect.findtext(SVG + "title")}
            for rect in root.iter(SVG + "rect") if rect.get("class") == kind]


def texts(root):
    return [text.text for text in root.iter(SVG + "text")]


def chunks(path, fqn):
    [entry] = [entry for entry in json.loads(fine("show", path, "--json"))["entries"] if entry["fqn"] == fqn]
    return entry["shape"], entry["chunks"]


def boxes_of(root, shape, axes):
    """What the drawing says: the box of each rectangle, in the dimensions (down, across)."""
    [frame] = rects(root, "tensor")
    found = []
    for rect in rects(root, "box"):
        box = []
        for dim, start, extent in zip(axes, ("y", "x"), ("height", "width")):
            size = 1 if dim is None else shape[dim]
            box += [(rect[start] - frame[start]) / frame[extent] * size, rect[extent] / frame[extent] * size]
        found.append(box)
    return found


@pytest.mark.parametrize("fqn, axes", [
    ("matrix", (0, 1)), ("dtypes.int64", (0, 1)), ("dtypes.float64", (0, 1)), ("values.counts", (None, 0)),
    ("scalar", (None, None))])
def test_each_box_is_where_it_is_in_the_tensor(sample, fqn, axes, tmp_path):
    root = draw(sample, fqn, tmp_path)
    shape, wanted = chunks(sample, fqn)
    expected = [[number for dim in axes for number in
                 ((0, 1) if dim is None else (chunk["offsets"][dim], chunk["sizes"][dim]))] for chunk in wanted]
    found = boxes_of(root, shape, axes)
    assert len(found) == len(expected)
    for box, numbers in zip(found, expected):
        assert box == pytest.approx(numbers, abs=0.01)
    for rect, chunk in zip(rects(root, "box"), wanted):
        box = ", ".join(f"{o}:{o + s}" for o, s in zip(chunk["offsets"], chunk["sizes"]))
        assert rect["title"] == f"rank {chunk['rank']}: [{box}], {chunk['nbytes']} bytes"


def test_ranks_have_colours_and_a_legend(ranks, sample, tmp_path):
    root = draw(sample, "matrix", tmp_path)
    _, wanted = chunks(sample, "matrix")
    assert len({rect["fill"] for rect in rects(root, "box")}) == ranks
    assert [rect["fill"] for rect in rects(root, "legend")] == [rect["fill"] for rect in rects(root, "box")]
    for chunk in wanted:
        assert f"rank {chunk['rank']}: 1 box, {chunk['nbytes']} bytes" in texts(root)
    assert "matrix  float32  [37, 29]  4292 bytes" in texts(root)
    assert {"down: dimension 0, 37 elements", "across: dimension 1, 29 elements"} <= set(texts(root))


def test_all_fits_on_the_page(sample, tmp_path):
    for fqn in ["matrix", "scalar", "values.counts", "deep.er.cube"]:
        root = draw(sample, fqn, tmp_path)
        for rect in rects(root, "box") + rects(root, "tensor") + rects(root, "legend"):
            assert rect["x"] >= 0 and rect["x"] + rect["width"] <= float(root.get("width"))
            assert rect["y"] >= 0 and rect["y"] + rect["height"] <= float(root.get("height"))


@pytest.mark.parametrize("fqn, shown", [("first", (0, 3)), ("middle", (1, 3)), ("two", (0, 2)), ("whole", (2, 3))])
def test_of_many_dimensions_the_cut_ones_are_drawn(fqn, shown, tmp_path):
    path = SAMPLES / "np4" / "cut.h5"
    root = draw(path, fqn, tmp_path)
    shape, wanted = chunks(path, fqn)
    expected = [[number for dim in shown for number in (chunk["offsets"][dim], chunk["sizes"][dim])]
                for chunk in wanted]
    for box, numbers in zip(boxes_of(root, shape, shown), expected, strict=True):
        assert box == pytest.approx(numbers, abs=0.01)
    assert f"down: dimension {shown[0]}, {shape[shown[0]]} elements" in texts(root)
    assert f"across: dimension {shown[1]}, {shape[shown[1]]} elements" in texts(root)
    assert not [text for text in texts(root) if "not shown" in text]


def test_more_cut_dimensions_than_can_be_drawn(tmp_path):
    path = SAMPLES / "np4" / "cut.h5"
    root = draw(path, "three", tmp_path)
    assert len(rects(root, "box")) == len(chunks(path, "three")[1]) == 4
    assert "not shown, though cut: dimension 2; boxes that differ only there lie on each other" in texts(root)


def test_nothing_to_draw(sample, tmp_path):
    root = draw(sample, "empty", tmp_path)
    assert rects(root, "box") == [] and len(rects(root, "tensor")) == 1
    assert "cannot be drawn" in fails(2, "show", sample, "values.name", "--svg", tmp_path / "x.svg").stderr
    assert "no entry" in fails(2, "show", sample, "nothing", "--svg", tmp_path / "x.svg").stderr
    fails(2, "show", sample, "--svg", tmp_path / "x.svg")
    assert not (tmp_path / "x.svg").exists()
    assert "cannot be written" in fails(1, "show", sample, "matrix", "--svg", tmp_path / "no" / "x.svg").stderr
    assert "cannot be written" in fails(1, "show", sample, "matrix", "--svg", "/dev/full").stderr


def test_names_are_escaped(ranks, tmp_path):
    path = SAMPLES / f"np{ranks}" / "hostile.h5"
    for entry in json.loads(fine("show", path, "--json"))["entries"]:
        if entry["shape"] is not None and entry["fqn"] and "\0" not in entry["fqn"]:
            root = draw(path, entry["fqn"], tmp_path)
            assert len(rects(root, "box")) == len(entry["chunks"])
    title = draw(SAMPLES / f"np{ranks}" / "terminal.h5", "<&\">", tmp_path).findtext(SVG + "title")
    assert title == "<&\">"


def test_show_of_one_entry(sample, ranks):
    text = fine("show", sample, "matrix")
    assert text.startswith("matrix  float32  [37, 29]\n  rank 0: [0:") and len(text.splitlines()) == 1 + ranks
    [entry] = json.loads(fine("show", sample, "matrix", "--json"))["entries"]
    assert entry["fqn"] == "matrix"
    assert run("show", sample, "nothing").returncode == 2
