"""Ways in which folders of images get damaged, at random from a seed."""

import io
import shutil

import numpy as np
from PIL import Image

TABLES = (".csv", ".txt")
FORMATS = ("BMP", "GIF", "TIFF", "WEBP", "JPEG2000", "JPEG", "PNG")
ENDINGS = (".jpg", ".JPG", ".jpeg", ".png", ".tif", ".dcm", "", ".jpg.jpg")
ENCODINGS = ("utf-16", "utf-8-sig", "utf-32", "cp500")


def damage(folder, seed):
    """Damage a folder in one to three ways; return them in words."""
    rng = np.random.default_rng(seed)
    done = []
    for _ in range(rng.integers(1, 4)):
        files = sorted(
            path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and path.name[0] != "."
        )
        tables = [path for path in files if path.suffix in TABLES]
        pictures = [path for path in files if path.suffix not in TABLES]
        is_table = rng.uniform() < 0.35 and bool(tables)
        path = (tables if is_table else pictures)[rng.integers(len(tables if is_table else pictures))]
        ways = [*ANY, *(OF_TABLES if is_table else OF_PICTURES)]
        way = ways[rng.integers(len(ways))]
        way(path, rng)
        done.append(f"{way.__name__} {path.relative_to(folder)}")
    return done


def drop(path, rng):
    path.unlink()


def double(path, rng):
    shutil.copy(path, path.with_name(f"copy of {path.name}"))


def double_below(path, rng):
    below = path.parent / "more" / "more"
    below.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, below / path.name)


def double_and_change(path, rng):
    double_below(path, rng)
    truncate(path, rng)


def truncate(path, rng):
    content = path.read_bytes()
    path.write_bytes(content[: rng.integers(len(content) + 1)])


def rename(path, rng):
    path.rename(path.with_name(path.stem + ENDINGS[rng.integers(len(ENDINGS))]))


def capitals(path, rng):
    path.rename(path.with_name(path.name.swapcase()))


def strange_name(path, rng):
    path.rename(path.with_name(["a\nb.png", "ä ö,;'\".png", "\udcff.jpg", "NA.png"][rng.integers(4)]))


def swap_bytes(path, rng):
    content = bytearray(path.read_bytes())
    for _ in range(rng.integers(1, 4)):
        if content:
            one, other = rng.integers(len(content), size=2)
            content[one], content[other] = content[other], content[one]
    path.write_bytes(content)


def random_bytes(path, rng):
    content = bytearray(path.read_bytes())
    for place in rng.integers(len(content) + 1, size=3):
        content[place : place + 1] = bytes(rng.integers(256, size=rng.integers(1, 4), dtype=np.uint8))
    path.write_bytes(content)


def make_folder(path, rng):
    path.unlink()
    path.mkdir()


def move_into_folder(path, rng):
    moved = path.with_name(f"{path.name}.moved")
    path.rename(moved)
    path.mkdir()
    moved.rename(path / path.name)


def broken_link(path, rng):
    path.unlink()
    path.symlink_to(path.with_name("nowhere"))


def link(path, rng):
    moved = path.with_name(f".{path.name}")
    path.rename(moved)
    path.symlink_to(moved)


def circle(path, rng):
    circle = path.parent / "circle"
    if not circle.is_symlink():
        circle.symlink_to(["..", ".", "../.."][rng.integers(3)])


def recode_picture(path, rng):
    with Image.open(path) as image:
        pixels = image.convert("RGB")
    pixels.save(path, FORMATS[rng.integers(len(FORMATS))])


def turn(path, rng):
    with Image.open(path) as image:
        pixels = image.convert("RGB")
    exif = pixels.getexif()
    exif[0x0112] = int(rng.integers(0, 12))
    pixels.save(path, "JPEG", exif=exif)


def depth(path, rng):
    pixels = rng.integers(0, 2 ** rng.integers(1, 17), (20, 20)).astype(np.uint16)
    Image.fromarray(pixels).save(path, "PNG")


def one_colour(path, rng):
    Image.new("RGB", (20, 30), tuple(rng.integers(256, size=3).tolist())).save(path, "PNG")


def copy_another(path, rng):
    others = sorted(path.parent.glob(f"*{path.suffix}"))
    content = others[rng.integers(len(others))].read_bytes()
    path.write_bytes(content)


def _lines(path):
    return path.read_bytes().splitlines(keepends=True)


def drop_line(path, rng):
    lines = _lines(path)
    if lines:
        del lines[rng.integers(len(lines))]
    path.write_bytes(b"".join(lines))


def double_line(path, rng):
    lines = _lines(path)
    if lines:
        lines.append(lines[rng.integers(len(lines))])
    path.write_bytes(b"".join(lines))


def change_field(path, rng):
    lines = _lines(path)
    place = rng.integers(len(lines)) if lines else 0
    if lines:
        fields = lines[place].rstrip(b"\r\n").split(b",")
        values = (b"", b"NA", b'"', b"x,y", b"1.0", b"-1", b"nan", b"1e999", b"No Finding", b"nv", b"0", b" 2 ", b"\0")
        fields[rng.integers(len(fields))] = values[rng.integers(len(values))]
        lines[place] = b",".join(fields) + b"\n"
    path.write_bytes(b"".join(lines))


def drop_column(path, rng):
    rows = [line.rstrip(b"\r\n").split(b",") for line in _lines(path)]
    column = rng.integers(max(map(len, rows), default=1))
    path.write_bytes(b"".join(b",".join(row[:column] + row[column + 1 :]) + b"\n" for row in rows))


def delimiter(path, rng):
    path.write_bytes(path.read_bytes().replace(b",", (b";", b"\t", b"|", b" ")[rng.integers(4)]))


def recode_text(path, rng):
    encoding = ENCODINGS[rng.integers(len(ENCODINGS))]
    path.write_bytes(path.read_bytes().decode(errors="replace").encode(encoding, errors="replace"))


def line_ends(path, rng):
    path.write_bytes(path.read_bytes().replace(b"\n", (b"\r\n", b"\r", b"\n\n")[rng.integers(3)]))


def empty(path, rng):
    path.write_bytes(b"")


def archive(path, rng):
    buffer = io.BytesIO()
    np.savez(buffer, np.arange(3))
    path.write_bytes(buffer.getvalue())


ANY = (
    *(drop, double, double_below, double_and_change, truncate, rename, capitals, strange_name, swap_bytes),
    *(random_bytes, make_folder, move_into_folder, broken_link, link, circle, empty, archive),
)
OF_PICTURES = (recode_picture, turn, depth, one_colour, copy_another)
OF_TABLES = (drop_line, double_line, change_field, drop_column, delimiter, recode_text, line_ends)
