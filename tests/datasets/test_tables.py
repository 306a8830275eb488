"""Tables as programs save them: encodings, delimiters, decimals, endings, and what is no table."""

import gzip
import shutil
import zipfile

import pandas as pd
import pytest
from tables import edit

from helpers.datasets.chestxray14 import LAYOUT
from helpers.datasets.images import problem_of_kind
from helpers.datasets.layout import open_folder, read_layout
from helpers.datasets.tables import as_groups, image_stems
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
        lambda lines: ['"' + line.replace(",", '", "') + '"' for line in lines],
        lambda lines: [f'"{line}"' for line in lines],
        lambda lines: ["sep=;", *(line.replace(",", ";") for line in lines)],
        lambda lines: [
            lines[0],
            *(f"{line.rpartition(',')[0]},{line.rpartition(',')[2].title()}" for line in lines[1:]),
        ],
    ],
    ids=[
        *("blank lines", "blanks", "an empty column", "capitals in the header", "other line ends", "quotes"),
        *("blanks before quotes", "quotes round whole lines", "Excel's first line", "capitals in labels"),
    ],
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
    kinds["kind: web page"] = b"\n  <!doctype html><p>Please sign in"
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
        with pytest.raises(StudyError, match=r"csv, line 2: expected the box to be x, y, width and height inside"):
            read_layout("pneumothorax", chest)


def test_grades_that_were_saved_as_decimals_are_grades(eyepacs, tmp_path):
    folder = shutil.copytree(eyepacs, tmp_path / "EyePACS")
    before = read_layout("retinopathy", folder)
    for end in (".0", ",00"):
        edit(folder / "trainLabels.csv", lambda t, end=end: t.assign(level=t.level.str[0] + end))
        pd.testing.assert_frame_equal(read_layout("retinopathy", folder), before)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_its_mark_is_read(ham, encoding):
    before = read_layout("skin_lesion", ham)
    table = pd.read_csv(ham / METADATA).assign(localization="Rücken")
    (ham / METADATA).write_bytes(table.to_csv(index=False).encode(encoding))
    pd.testing.assert_frame_equal(read_layout("skin_lesion", ham), before)


def test_the_separator_line_counts_as_a_line(ham):
    edit(ham / METADATA, lambda t: t.assign(dx=t.dx.where(t.index > 0, "naevus")))
    change_lines(ham / METADATA, lambda lines: ["sep=,", *lines])
    with pytest.raises(StudyError, match=r"line 3: expected dx to be one of"):
        read_layout("skin_lesion", ham)


def test_very_long_lines_are_one_error(ham):
    for content in ("x" * 200_000, "lesion_id,image_id,dx\na,b," + "x" * 200_000):
        (ham / METADATA).write_text(content)
        with pytest.raises(StudyError, match=r"line [12]: expected a CSV table; field larger than"):
            read_layout("skin_lesion", ham)


def test_a_header_of_very_many_columns_is_read(ham):
    before = read_layout("skin_lesion", ham)
    columns = "".join(f",feature_{number}" for number in range(15_000))
    change_lines(ham / METADATA, lambda lines: [lines[0] + columns, *lines[1:]])
    pd.testing.assert_frame_equal(read_layout("skin_lesion", ham), before)


def test_a_table_of_wrong_rows_only_is_one_error(chest):
    edit(chest / ENTRIES, lambda t: t.assign(**{"Patient ID": ""}))
    with pytest.raises(StudyError, match=r"line 2: expected Patient ID to be filled in; found none.*39 more like"):
        read_layout("pneumothorax", chest)


def test_spellings_of_one_group_are_one_under_the_first():
    groups = ["HAM_1", "ham_1 ", "0", "00", "00000001", "1", "1.0", "1,0", "1.5", "A01", "A1", "e\u0301", "\u00e9"]
    expected = ["HAM_1", "HAM_1", "0", "0", *["00000001"] * 4, "1.5", "A01", "A1", "e\u0301", "e\u0301"]
    assert as_groups(pd.Series(groups)).tolist() == expected


def test_one_lesion_or_patient_in_two_spellings_is_one_group(ham, chest, eyepacs, tmp_path):
    before = read_layout("skin_lesion", ham)
    edit(ham / METADATA, lambda t: t.assign(lesion_id=t.lesion_id.where(t.index % 2 == 0, t.lesion_id.str.lower())))
    assert read_layout("skin_lesion", ham).group.nunique() == before.group.nunique()
    before = read_layout("pneumothorax", chest)
    ids = ("{}", "{}.0", "{:0>8}")
    edit(
        chest / ENTRIES,
        lambda t: t.assign(**{"Patient ID": [ids[row % 3].format(value) for row, value in enumerate(t["Patient ID"])]}),
    )
    assert read_layout("pneumothorax", chest).group.nunique() == before.group.nunique()
    eyes = shutil.copytree(eyepacs, tmp_path / "EyePACS")
    for path in (eyes / "train").glob("*_left.jpeg"):
        path.rename(path.with_name(f"{path.name.zfill(20)}"))
    edit(
        eyes / "trainLabels.csv",
        lambda t: t.assign(image=t.image.where(t.image.str.endswith("right"), t.image.str.zfill(15))),
    )
    assert (read_layout("retinopathy", eyes).groupby("group").size() == 2).all()


def test_sides_of_eyes_are_read_in_any_case(eyepacs, tmp_path):
    folder = shutil.copytree(eyepacs, tmp_path / "EyePACS")
    shutil.rmtree(folder / "masks")
    before = read_layout("retinopathy", folder)
    edit(folder / "trainLabels.csv", lambda t: t.assign(image=t.image.str.title().str.replace("Right", "RIGHT")))
    pd.testing.assert_frame_equal(read_layout("retinopathy", folder), before)


def test_findings_are_read_in_any_case(chest):
    before = read_layout("pneumothorax", chest)
    edit(chest / ENTRIES, lambda t: t.assign(**{"Finding Labels": t["Finding Labels"].str.lower()}))
    pd.testing.assert_frame_equal(read_layout("pneumothorax", chest), before)


def test_a_table_saved_twice_is_compared_by_its_values(ham):
    table = pd.read_csv(ham / METADATA)
    copy = ham / "HAM10000_metadata (1).csv"
    table.to_csv(copy, index=False, sep=";")
    assert len(read_layout("skin_lesion", ham)) == 84
    table.assign(dx="nv").to_csv(copy, index=False, sep=";")
    next((ham / "HAM10000_images").iterdir()).unlink()
    with pytest.raises(StudyError, match=r"(?s)found 2 kinds of problems.*which differ.*none for 1 of 84"):
        read_layout("skin_lesion", ham)


def test_a_copy_of_a_table_that_cannot_be_read_is_named(ham, monkeypatch):
    shutil.copy(ham / METADATA, ham / "HAM10000_metadata_2.csv")
    read_bytes = type(ham).read_bytes

    def read(path):
        if path.stem.endswith("_2"):
            raise PermissionError(13, "Permission denied")
        return read_bytes(path)

    monkeypatch.setattr(type(ham), "read_bytes", read)
    with pytest.raises(StudyError, match=r"HAM10000_metadata_2.csv: expected a file that can be read; Permission"):
        read_layout("skin_lesion", ham)


def test_a_workbook_in_the_tables_place_is_to_be_exported(ham):
    (ham / METADATA).rename(ham / "HAM10000_metadata.xlsx")
    with pytest.raises(StudyError, match=r"HAM10000_metadata.xlsx: expected .* found a workbook. Export it as CSV"):
        read_layout("skin_lesion", ham)


def test_an_accent_and_its_letter_are_one_character():
    assert image_stems(pd.Series(["a/La\u0308sion.JPG"])).tolist() == ["L\u00e4sion"]


def test_the_way_out_is_that_of_the_kind():
    """What is no picture at all is not to be converted."""
    assert problem_of_kind("web page").endswith("Log in, and download the file itself")
    assert problem_of_kind("pointer of Git LFS").endswith("git lfs pull")
    assert problem_of_kind("TIFF").endswith("Convert it to PNG")
    assert problem_of_kind("empty file").endswith("download it again")
    assert problem_of_kind("unreadable").endswith("change its permissions")


@pytest.fixture
def boxes(chest):
    """Return the box list of a folder without masks, and the names of all images with a pneumothorax, and without."""
    shutil.rmtree(chest / "masks")
    table = pd.read_csv(chest / ENTRIES)
    is_sick = table["Finding Labels"] == "Pneumothorax"
    return chest / "BBox_List_2017.csv", table["Image Index"][is_sick].tolist(), table["Image Index"][~is_sick].tolist()


def read_boxes(path):
    """Return the boxes that are read, and the notes about them."""
    folder = open_folder("pneumothorax", path.parent)
    table = LAYOUT.read(folder)
    folder.problems.stop()
    return table["mask"].dropna().tolist() if "mask" in table else [], folder.notes


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Image Index,Finding Label,w,h,x,y", "{},Pneumothorax,128,64,256,512"),
        ("Image Index,Finding Label,id,x,y,w,h", "{},Pneumothorax,7,256,512,128,64"),
        (",Image Index,Finding Label,X,Y,Width,Height", "0,{},pneumothorax,256,512,128,64"),
        ('Image Index,Finding Label,"Bbox [x",y,w,"h]",Unnamed: 6', "{},PNEUMOTHORAX,256,512,128,64,"),
    ],
)
def test_columns_of_boxes_are_found_by_name(boxes, header, row):
    path, sick, _ = boxes
    path.write_text(f"{header}\n{row.format(sick[0])}\n")
    assert read_boxes(path)[0] == ["0.25 0.5 0.125 0.0625"]


@pytest.mark.parametrize("header", ["x,y,x2,y2", "a,b,c,d", "x,y,w,w"])
def test_other_columns_of_boxes_are_one_problem_of_several(boxes, header):
    path, sick, _ = boxes
    path.write_text(f"Image Index,Finding Label,{header}\n{sick[0]},Pneumothorax,1,2,3,4\n")
    (path.parent / "images" / sick[0]).unlink()
    with pytest.raises(StudyError, match=r"(?s)found 2 kinds.*expected one column each for x, y, width and height"):
        read_boxes(path)


@pytest.mark.parametrize("content", ["", "Image Index,Finding Label,Bbox [x,y,w,h],,,\n"])
def test_a_list_without_boxes_is_a_note(boxes, content):
    boxes[0].write_text(content)
    found, notes = read_boxes(boxes[0])
    assert not found
    assert notes == ["no box in BBox_List_2017.csv is of Pneumothorax in a listed image"]


def test_boxes_that_do_not_fit_the_table_are_counted(boxes):
    path, sick, healthy = boxes
    names = [sick[0], healthy[0], healthy[1], "other.png"]
    rows = "".join(f"{name},Pneumothorax,256,512,128,64\n" for name in names)
    path.write_text("Image Index,Finding Label,Bbox [x,y,w,h]\n" + rows)
    found, notes = read_boxes(path)
    assert len(found) == 3
    assert notes[0].startswith("not used: 1 of 4 boxes of Pneumothorax in BBox_List_2017.csv")
    assert notes[1] == "boxes of Pneumothorax in images that the table lists without it: 2"
