"""`python -m infra.demo OUTPUT_DIR`: write the demo workbooks."""

import sys
from pathlib import Path

from infra.demo.workbooks import write_workbooks


def main(arguments: list[str]) -> int:
    """Exit status 2 without exactly one folder."""
    if len(arguments) != 1:
        print("Cách dùng: python -m infra.demo THƯ_MỤC", file=sys.stderr)
        return 2
    plan = write_workbooks(Path(arguments[0]))
    for school in plan.schools:
        pupils = sum(one.pupils for one in school.classes)
        staff = len(school.staff)
        print(f"{school.name}: {len(school.classes)} lớp, {pupils} học sinh, {staff} cán bộ, giáo viên")
    print(f"Đã ghi {len(plan.files)} tệp vào {arguments[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
