"""Take the pictures anew."""

from tests.records.transcripts.pictures import FOLDER, PAGES, taken

for level in PAGES:
    taken(level).quantize(8).save(FOLDER / f"{level}.png", optimize=True)
