"""Tables as programs save them: encodings, delimiters, decimals, endings, and what is no table."""

import gzip
import shutil
import zipfile

import pandas as pd
import pytest
from tables import edit

from helpers.datasets.layout import read_layout
from helpers.errors import StudyError

METADATA, ENTRIES = "HAM10000_metadata.csv", "Data_Entry_2017.csv"


@pytest.fixture
def ham(ham10000, tmp_path):
    return shutil.copytree(ham10000, tmp_path / "HAM10000")


@pytest.fixture
def chest(chestxray14, tmp_path):
    return shutil.copytree(chestxray14, tmp_path / "ChestX-ray14")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_encodings_and_delimiters_change_nothing(ham, encoding, separator):
    before = read_layout("skin_lesion", ham)
    table = pd.read_csv(ham / METADATA).assign(localization="Rücken, oben; links")
    content = table.to_csv(index=False, sep=separator).encode(encoding)
    mark = b"\xff\xfe" if encoding == "utf-16-le" else b""
    (ham / METADATA).write_bytes(mark + content)
    pd.testing.assert_frame_equal(read_layout("skin_lesion", ham), before)


def change_lines(path, change):
    path.write_bytes("\n".join(change(path.read_text().splitlines())).replace("\r\n", "\r").encode())


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: ["", *lines, "", ",,", ""],
        lambda lines: [line.replace(",", " , ") for line in lines],
        lambda lines: [line + "," for line in lines],
        lambda lines: [lines[0].upper().replace("_", "_"), *lines[1:]],
        lambda lines: [line + "\r" for line in lines],
        lambda lines: ['"' + line.replace(",", '","') + '"' for line in lines],
    ],
    ids=["blank lines", "blanks", "an empty column", "capitals in the header", "other line ends", "quotes"],
)
def test_harmless_differences_change_nothing(ham, change):
    before = read_layout("skin_lesion", ham)
    change_lines(ham / METADATA, change)
    pd.testing.assert_frame_equal(read_layout("skin_lesion", ham), before)


@pytest.mark.parametrize("name", ["HAM10000_metadata", "HAM10000_metadata.tab", "ham10000_METADATA.CSV"])
def test_other_endings_and_capitals_of_a_table_are_found(ham, name):
    (ham / METADATA).rename(ham / name)
    assert len(read_layout("skin_lesion", ham)) == 84


@pytest.mark.parametrize("places", [f"{METADATA}/{METADATA}", f"archive/HAM10000/{METADATA}"])
def test_a_folder_in_the_tables_place_and_doubled_levels_are_entered(ham, places):
    content = (ham / METADATA).read_bytes()
    (ham / METADATA).unlink()
    (ham / places).parent.mkdir(parents=True)
    (ham / places).write_bytes(content)
    assert len(read_layout("skin_lesion", ham)) == 84


def test_image_names_with_endings_and_folders_are_found(ham):
    before = read_layout("skin_lesion", ham)
    edit(ham / METADATA, lambda t: t.assign(image_id="data\\images/" + t.image_id + ".JPG"))
    pd.testing.assert_frame_equal(read_layout("skin_lesion", ham), before)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: [*lines[:4], lines[4] + ",more,and more", *lines[5:]], ["line 5: expected 3 fields, found 5"]),
        (lambda lines: [*lines[:4], '"' + lines[4], *lines[5:]], ["expected a CSV table"]),
        (lambda lines: [lines[0] + ",dx", *(line + ",mel" for line in lines[1:])], ["dx is there twice"]),
        (lambda lines: lines[:1], ["expected a row for each image"]),
        (
            lambda lines: [*lines[:-1], lines[-1].rpartition(",")[0]],
            ["line 85: expected dx to be filled in"],
        ),
    ],
    ids=["ragged", "open quote", "column twice", "header only", "cut off"],
)
def test_what_is_wrong_with_a_table_is_named_with_its_line(ham, change, words):
    change_lines(ham / METADATA, change)
    with pytest.raises(StudyError) as error:
        read_layout("skin_lesion", ham)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert METADATA in str(error.value)


def test_files_that_are_no_tables_are_named_as_what_they_are(ham):
    path = ham / METADATA
    content = path.read_bytes()
    with zipfile.ZipFile(path, "w") as workbook:
        workbook.writestr("xl/workbook.xml", "<workbook/>")
    kinds = {"zip archive. Unpack it; or, if it is an Excel workbook, export it as CSV": path.read_bytes()}
    kinds["gzip archive"] = gzip.compress(content)
    kinds["web page. Log in"] = b"<!DOCTYPE html><html>Please sign in</html>"
    kinds["git lfs pull"] = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n"
    kinds["no text"] = bytes(range(256))
    for words, wrong in kinds.items():
        path.write_bytes(wrong)
        with pytest.raises(StudyError, match=words):
            read_layout("skin_lesion", ham)


def test_all_that_is_wrong_is_said_in_one_error(ham):
    pictures = sorted((ham / "HAM10000_images").iterdir())
    for picture in pictures[10:13]:
        picture.unlink()
    edit(ham / METADATA, lambda t: pd.concat([t.assign(dx=t.dx.where(t.index > 1, "naevus")), t.tail(2)]))
    with pytest.raises(StudyError) as error:
        read_layout("skin_lesion", ham)
    first, *rest = str(error.value).splitlines()
    assert first == f"{ham}: found 3 kinds of problems:"
    expected = ("line 2: expected dx to be one of", "PHANTOM_0000082 is listed more often", "none for 3 of 82")
    for line, words in zip(rest, expected, strict=True):
        assert words in line
    assert "(1 more like this.)" in rest[0]


@pytest.mark.parametrize(
    ("finding", "name", "row"),
    [("Pneumothorax", "Pneumothorax", 0), ("Infiltration", "Infiltrate", 1), ("Hernia", "Mass", 2)],
)
def test_boxes_of_any_finding_are_read_and_none_is_no_error(chest, finding, name, row):
    """The box list spells one finding otherwise, and has no box of six others."""
    shutil.rmtree(chest / "masks")
    edit(chest / ENTRIES, lambda t: t.assign(**{"Finding Labels": [finding, *["No Finding"] * (len(t) - 1)]}))
    image = pd.read_csv(chest / ENTRIES)["Image Index"][0]
    (chest / "BBox_List_2017.csv").write_text(
        f"Image Index,Finding Label,Bbox [x,y,w,h],,,\n{image},{name},256.0,512.0,128.0,64.0\n"
    )
    table = read_layout("pneumothorax", chest, finding=finding)
    assert table.label[0] == finding.lower()
    if finding == "Hernia":
        assert "mask" not in table
    else:
        assert table["mask"].dropna().tolist() == ["0.25 0.5 0.125 0.0625"]


def test_boxes_with_a_decimal_comma_are_read_and_boxes_outside_are_named(chest):
    shutil.rmtree(chest / "masks")
    image = pd.read_csv(chest / ENTRIES)["Image Index"][0]
    path = chest / "BBox_List_2017.csv"
    path.write_text(f"Image Index;Finding Label;Bbox [x;y;w;h]\n{image};Pneumothorax;256,0;512,0;128,0;64,0\n")
    assert read_layout("pneumothorax", chest)["mask"][0] == "0.25 0.5 0.125 0.0625"
    for numbers in ("1000;0;100;5", "x;0;1;1", "-1;0;5;5", "0;0;0;0", "nan;0;1;1"):
        path.write_text(f"Image Index;Finding Label;x;y;w;h\n{image};Pneumothorax;{numbers}\n")
        with pytest.raises(StudyError, match=r"BBox_List_2017.csv, line 2: expected x to be a box"):
            read_layout("pneumothorax", chest)


def test_grades_that_were_saved_as_decimals_are_grades(eyepacs, tmp_path):
    folder = shutil.copytree(eyepacs, tmp_path / "EyePACS")
    before = read_layout("retinopathy", folder)
    for end in (".0", ",00"):
        edit(folder / "trainLabels.csv", lambda t, end=end: t.assign(level=t.level.str[0] + end))
        pd.testing.assert_frame_equal(read_layout("retinopathy", folder), before)
